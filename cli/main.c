/* confab: the operator's tool. One row a command; each command has a file of its own. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    { "migrate", cli_migrate, "migrate                                           bring the database up to date" },
    { "render", cli_render, "render TEMPLATE --data FILE.json [--partials DIR]  a template filled with JSON" },
    { "session", cli_session,
      "session list|revoke ...                           who is signed in with what, and an end to it" },
    { "sweep", cli_sweep, "sweep                                             delete what has expired" },
    { "user", cli_user, "user add|list|role|password|ban ...               people" },
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static int usage(FILE *out, int status)
{
    fprintf(out, "usage: confab COMMAND\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  confab %s\n", commands[i].usage);
    return status;
}

int main(int argc, char **argv)
{
    log_open("confab", LOG_WARN);
    if (sodium_init() < 0)
        return fprintf(stderr, "confab: libsodium cannot be used here\n"), 1;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0))
        return usage(stdout, 0);
    for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return usage(stderr, 2);
}
