/* confab session: who is signed in with what, and an end to it. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "chat/token.h"
#include "chat/user.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/site.h"

static void print_sessions(const struct scope *scope, const struct token_line *lines, size_t count)
{
    enum { COLUMNS = 7 };
    struct text *cells = arena_array(scope->arena, count * COLUMNS, sizeof *cells);
    for (size_t i = 0; i < count; i++) {
        struct text *row = cells + i * COLUMNS;
        row[0] = lines[i].hash;
        row[1] = lines[i].context == TOKEN_API ? TEXT("api") : TEXT("session");
        row[2] = listing_time(scope->arena, lines[i].inserted_at);
        row[3] = listing_time(scope->arena, lines[i].last_seen_at);
        row[4] = listing_time(scope->arena, lines[i].expires_at);
        row[5] = lines[i].address;
        row[6] = lines[i].user_agent;
    }
    listing_print(cells, count, COLUMNS);
}

static int list(struct site *site, void *context)
{
    struct text email = utf8_tidy(site->scope.arena, text_of(context));
    struct token_line *lines;
    struct user user;
    size_t count;
    enum outcome found = user_by_email(&site->scope, email, &user);
    if (found == MISSING)
        return site_complain(site, "nobody here has that e-mail address");
    if (found != DONE || token_list(&site->scope, user.id, &lines, &count) != DONE)
        return site_broken(site);
    print_sessions(&site->scope, lines, count);
    return 0;
}

static int revoke(struct site *site, void *context)
{
    enum outcome outcome = token_revoke(&site->scope, text_of(context));
    if (outcome == MISSING)
        return site_complain(site, "there is no live session with that hash");
    return outcome == DONE ? 0 : site_broken(site);
}

static int usage(void)
{
    fputs("usage: confab session list --email E\n"
          "       confab session revoke HASH\n",
          stderr);
    return 2;
}

int cli_session(int argc, char **argv)
{
    const char *value = NULL;
    bool lists = argc > 1 && strcmp(argv[1], "list") == 0, revokes = argc > 1 && strcmp(argv[1], "revoke") == 0;
    const struct argument argument = { .name = lists ? "--email" : NULL, .to = &value, .required = true };
    if ((!lists && !revokes) || !arguments_read(argc - 1, argv + 1, &argument, 1))
        return usage();
    return site_run(argv[0], false, lists ? list : revoke, (void *)value);
}
