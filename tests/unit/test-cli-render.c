#include "../support/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

static char folder[] = "test-render-XXXXXX";
static char out[4096], err[4096];

static void path_of(char path[4096], const char *name)
{
    snprintf(path, 4096, "%s/%s", folder, name);
}

static void put(const char *name, const char *bytes)
{
    char path[4096];
    path_of(path, name);
    FILE *file = fopen(path, "wb");
    ok(file && fputs(bytes, file) >= 0 && fclose(file) == 0, "(%s is written)", name);
}

static void take(const char *name, char bytes[4096])
{
    char path[4096];
    path_of(path, name);
    FILE *file = fopen(path, "rb");
    bytes[file ? fread(bytes, 1, 4095, file) : 0] = '\0';
    if (file)
        fclose(file);
    remove(path);
}

static void redirect(int to, const char *name)
{
    char path[4096];
    path_of(path, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0 || dup2(fd, to) < 0 || close(fd) != 0)
        _exit(99);
}

/* Run it in a child inside the folder; its exit status, with out and err filled. */
static int run(int argc, const char *const *arguments)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        redirect(STDOUT_FILENO, "out");
        redirect(STDERR_FILENO, "err");
        char *copies[8] = { NULL };
        for (int i = 0; i < argc; i++)
            copies[i] = strdup(arguments[i]);
        int status = chdir(folder) == 0 ? cli_render(argc, copies) : 98;
        for (int i = 0; i < argc; i++)
            free(copies[i]);
        fflush(NULL);
        _exit(status);
    }
    int status = 0;
    waitpid(child, &status, 0);
    take("out", out);
    take("err", err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...)                                                                                                       \
    run((int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)), (const char *const[]){ __VA_ARGS__ })

static void test_good(void)
{
    ok(RUN("render", "page.mustache", "--data", "data.json") == 0, "a template is rendered");
    is(out, "[&lt;b&gt;]\n", "to standard output, with the partials beside it");
    is(err, "", "and no word besides");
    ok(RUN("render", "--partials", "sub", "--data", "data.json", "page.mustache") == 0, "options may stand anywhere");
    is(out, "[]\n", "partials come from --partials; one that does not exist is nothing");
}

static void test_bad(void)
{
    ok(RUN("render", "none", "--data", "data.json") == 1, "a missing template fails");
    is(err, "confab render: none: No such file or directory\n", "and is named");
    ok(RUN("render", "bad.mustache", "--data", "data.json") == 1, "so does a broken one");
    is(err, "confab render: bad.mustache:2: \"x\" is not closed.\n", "with its line");
    ok(RUN("render", "loop.mustache", "--data", "data.json") == 1, "and one without end");
    is(err, "confab render: loop.mustache: the templates are nested too deep.\n", "with the reason");
    ok(RUN("render", "page.mustache", "--data", "bad.json") == 1 &&
           strncmp(err, "confab render: bad.json:2: ", 27) == 0,
       "and data that is no JSON");
    is(out, "", "then nothing is written");
}

static void test_usage(void)
{
    static const char usage[] = "usage: confab render TEMPLATE --data FILE.json [--partials DIR]\n";
    ok(RUN("render", "page.mustache") == 2, "data is needed");
    is(err, usage, "as the usage line says");
    ok(RUN("render", "--data", "data.json") == 2 && RUN("render", "page.mustache", "--data") == 2,
       "and a template, and a value");
    ok(RUN("render", "a", "b", "--data", "c") == 2 && RUN("render", "a", "--date", "c") == 2, "but nothing else");
}

int main(void)
{
    ok(mkdtemp(folder) != NULL, "(a folder is made)");
    put("page.mustache", "[{{>name}}]\n");
    put("name.mustache", "{{name}}");
    put("loop.mustache", "{{>loop}}");
    put("bad.mustache", "\n{{#x}}");
    put("data.json", "{\"name\": \"<b>\"}");
    put("bad.json", "{\n\"name\"}");
    test_good();
    test_bad();
    test_usage();
    static const char *const files[] = {
        "page.mustache", "name.mustache", "loop.mustache", "bad.mustache", "data.json", "bad.json", ""
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[4096];
        path_of(path, files[i]);
        remove(path);
    }
    return done();
}
