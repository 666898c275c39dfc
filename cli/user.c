/* confab user: people, as the operator makes and changes them. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "chat/password.h"
#include "chat/user.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/site.h"

enum { PAGE = 500, LINE_MAX_BYTES = PASSWORD_BYTES_MAX + 2 };

struct wanted {
    const char *email, *name, *password, *role;
    bool lift;
    char line[LINE_MAX_BYTES]; /* a password from standard input */
    struct text secret;        /* the password, wherever it came from */
};

/* --- what is said --- */

static void print_users(const struct scope *scope, const struct user *users, size_t count)
{
    enum { COLUMNS = 6 };
    struct text *cells = arena_array(scope->arena, count * COLUMNS, sizeof *cells);
    for (size_t i = 0; i < count; i++) {
        struct text *row = cells + i * COLUMNS;
        row[0] = users[i].email;
        row[1] = users[i].role;
        row[2] = users[i].banned ? TEXT("banned") : users[i].confirmed ? TEXT("confirmed") : TEXT("unconfirmed");
        row[3] = listing_time(scope->arena, users[i].inserted_at);
        row[4] = users[i].userid;
        row[5] = users[i].name;
    }
    listing_print(cells, count, COLUMNS);
}

/* All that is wrong in one sentence. */
static int explain(const struct site *site, const struct errors *errors)
{
    const char *sentence = "";
    for (size_t i = 0; i < errors->count; i++)
        sentence = arena_printf(site->scope.arena, "%s%s%s %s", sentence, i ? ", " : "", errors->items[i].field,
                                errors->items[i].sentence);
    return site_complain(site, "%s", sentence);
}

static int result(const struct site *site, enum outcome outcome, const struct errors *errors)
{
    if (outcome == DONE)
        return 0;
    if (outcome == INVALID)
        return explain(site, errors);
    return outcome == MISSING ? site_complain(site, "this user has been deleted meanwhile") : site_broken(site);
}

/* --- passwords --- */

/* The first line of standard input, without its end and whatever follows. */
static bool read_line(struct wanted *wanted)
{
    size_t len = 0;
    while (len < sizeof wanted->line) {
        ssize_t got = read(STDIN_FILENO, wanted->line + len, sizeof wanted->line - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        len += (size_t)got;
        const char *end = memchr(wanted->line, '\n', len);
        if (end)
            len = (size_t)(end - wanted->line);
        if (end || got == 0)
            break;
    }
    wanted->secret = (struct text){ wanted->line, len };
    return true;
}

static bool read_password(const struct site *site, struct wanted *wanted)
{
    if (!wanted->password)
        return true;
    wanted->secret = text_of(wanted->password);
    if (strcmp(wanted->password, "-") == 0 && !read_line(wanted))
        return site_complain(site, "standard input cannot be read: %s", strerror(errno)), false;
    if (wanted->secret.len)
        return true;
    return site_complain(site, "password can't be blank"), false; /* user_add would take it for none */
}

/* --- actions --- */

static enum outcome find(const struct site *site, const struct wanted *wanted, struct user *user)
{
    struct text email = utf8_tidy(site->scope.arena, text_of(wanted->email));
    enum outcome found = user_by_email(&site->scope, email, user);
    if (found == MISSING)
        site_complain(site, "nobody here has that e-mail address");
    else if (found != DONE)
        site_broken(site);
    return found;
}

static int add(struct site *site, void *context)
{
    struct wanted *wanted = context;
    struct errors errors = { 0 };
    struct user user;
    if (!read_password(site, wanted))
        return 1;
    struct user_new new = { .email = text_of(wanted->email),
                            .name = text_of(wanted->name),
                            .password = wanted->secret,
                            .role = text_of(wanted->role) };
    enum outcome outcome = user_add(&site->scope, &new, &errors, &user);
    if (outcome == DONE)
        print_users(&site->scope, &user, 1);
    return result(site, outcome, &errors);
}

static int list_all(struct site *site)
{
    struct user *users;
    size_t count;
    struct text after = TEXT("");
    do {
        if (user_list(&site->scope, after, PAGE, &users, &count) != DONE)
            return site_broken(site);
        print_users(&site->scope, users, count);
        after = count ? users[count - 1].userid : after;
    } while (count == PAGE);
    return 0;
}

static int list(struct site *site, void *context)
{
    struct wanted *wanted = context;
    struct user user;
    if (!wanted->email)
        return list_all(site);
    if (find(site, wanted, &user) != DONE)
        return 1;
    print_users(&site->scope, &user, 1);
    return 0;
}

static int role(struct site *site, void *context)
{
    struct wanted *wanted = context;
    struct errors errors = { 0 };
    struct user user;
    if (find(site, wanted, &user) != DONE)
        return 1;
    return result(site, user_set_role(&site->scope, &user, text_of(wanted->role), &errors), &errors);
}

static int password(struct site *site, void *context)
{
    struct wanted *wanted = context;
    struct errors errors = { 0 };
    struct user user;
    if (!read_password(site, wanted) || find(site, wanted, &user) != DONE)
        return 1;
    return result(site, user_set_password(&site->scope, &user, wanted->secret, TEXT(""), &errors), &errors);
}

static int ban(struct site *site, void *context)
{
    struct wanted *wanted = context;
    struct errors errors = { 0 };
    struct user user;
    if (find(site, wanted, &user) != DONE)
        return 1;
    return result(site, user_set_banned(&site->scope, &user, !wanted->lift), &errors);
}

/* --- the command line --- */

enum { EMAIL, NAME, PASSWORD, ROLE, LIFT, OPTION_COUNT };

static const struct action {
    const char *name;
    unsigned takes, needs; /* bits of the options */
    int (*run)(struct site *, void *);
    const char *usage;
} actions[] = {
    { "add", 1 << EMAIL | 1 << NAME | 1 << PASSWORD | 1 << ROLE, 1 << EMAIL, add,
      "add --email E [--name N] [--password P] [--role R]" },
    { "list", 1 << EMAIL, 0, list, "list [--email E]" },
    { "role", 1 << EMAIL | 1 << ROLE, 1 << EMAIL | 1 << ROLE, role, "role --email E --role member|moderator|admin" },
    { "password", 1 << EMAIL | 1 << PASSWORD, 1 << EMAIL | 1 << PASSWORD, password, "password --email E --password P" },
    { "ban", 1 << EMAIL | 1 << LIFT, 1 << EMAIL, ban, "ban --email E [--lift]" },
};

enum { ACTION_COUNT = sizeof actions / sizeof actions[0] };

static int usage(void)
{
    for (size_t i = 0; i < ACTION_COUNT; i++)
        fprintf(stderr, "%s confab user %s\n", i ? "      " : "usage:", actions[i].usage);
    fputs("A password `-` is read from standard input.\n", stderr);
    return 2;
}

static bool read_options(const struct action *action, int argc, char **argv, struct wanted *wanted)
{
    const struct argument all[OPTION_COUNT] = {
        [EMAIL] = { .name = "--email", .to = &wanted->email },
        [NAME] = { .name = "--name", .to = &wanted->name },
        [PASSWORD] = { .name = "--password", .to = &wanted->password },
        [ROLE] = { .name = "--role", .to = &wanted->role },
        [LIFT] = { .name = "--lift", .set = &wanted->lift },
    };
    struct argument taken[OPTION_COUNT];
    size_t count = 0;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (action->takes & 1U << i) {
            taken[count] = all[i];
            taken[count++].required = action->needs & 1U << i;
        }
    return arguments_read(argc, argv, taken, count);
}

int cli_user(int argc, char **argv)
{
    struct wanted wanted = { .lift = false };
    size_t i = 0;
    while (argc > 1 && i < ACTION_COUNT && strcmp(argv[1], actions[i].name) != 0)
        i++;
    if (argc < 2 || i == ACTION_COUNT || !read_options(&actions[i], argc - 1, argv + 1, &wanted))
        return usage();
    int status = site_run(argv[0], false, actions[i].run, &wanted);
    sodium_memzero(&wanted, sizeof wanted);
    return status;
}
