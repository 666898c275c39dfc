/* One table row per key. Values of every kind are parsed by config_value.c. */
#include "base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config_value.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#ifndef PKGDATADIR
#define PKGDATADIR "/usr/share/confab"
#endif

enum { FILE_LIMIT = 64 * 1024, NAME_LIMIT = 64 };

#define AT(member) offsetof(struct config, member)

static const struct config_row rows[] = {
    { "database", "url", VALUE_STRING, AT(database_url), "postgresql:///confab", 0, 0 },
    { "database", "listen_url", VALUE_STRING, AT(database_listen_url), "", 0, 0 },
    { "database", "relay_url", VALUE_STRING, AT(database_relay_url), "", 0, 0 },
    { "database", "migrate_url", VALUE_STRING, AT(database_migrate_url), "", 0, 0 },
    { "site", "name", VALUE_STRING, AT(site_name), "confab", 0, 0 },
    { "site", "url", VALUE_SITE, AT(site_url), "http://127.0.0.1:8080/", 0, 0 },
    { "site", "data", VALUE_STRING, AT(site_data), PKGDATADIR, 0, 0 },
    { "site", "guests", VALUE_SWITCH, AT(site_guests), "on", 0, 0 },
    { "session", "keys", VALUE_KEYS, AT(session_keys), "", 0, 0 },
    { "sso", "url", VALUE_STRING, AT(sso_url), "", 0, 0 },
    { "sso", "client_id", VALUE_STRING, AT(sso_client_id), "", 0, 0 },
    { "sso", "key", VALUE_STRING, AT(sso_key), "", 0, 0 },
    { "sso", "issuer", VALUE_STRING, AT(sso_issuer), "", 0, 0 },
    { "mail", "from", VALUE_STRING, AT(mail_from), "", 0, 0 },
    { "mail", "smtp", VALUE_STRING, AT(mail_smtp), "", 0, 0 },
    { "mail", "sendmail", VALUE_STRING, AT(mail_sendmail), "", 0, 0 },
    { "relay", "listen", VALUE_LISTEN, AT(relay_listen), "unix:/run/confab/relay.sock", 0, 0 },
    { "relay", "bell", VALUE_PATH, AT(relay_bell), "unix:/run/confab/bell/bell.sock", 0, 0 },
    { "relay", "max_peers", VALUE_NUMBER, AT(relay_max_peers), "20000", 1, 1000000 },
    { "relay", "max_per_address", VALUE_NUMBER, AT(relay_max_per_address), "1000", 1, 1000000 },
    { "relay", "peer_queue", VALUE_SIZE, AT(relay_peer_queue), "256 KiB", 16 * 1024, 64 << 20 },
    { "relay", "poll_window", VALUE_DURATION, AT(relay_poll_window_ms), "10 s", 1000, 15000 },
    { "handler", "listen", VALUE_LISTEN, AT(handler_listen), "unix:/run/confab/handler.sock", 0, 0 },
    { "handler", "workers", VALUE_NUMBER, AT(handler_workers), "0", 0, 1024 },
    { "handler", "polls", VALUE_NUMBER, AT(handler_polls), "32", 0, 1024 },
    { "handler", "polls_listen", VALUE_LISTEN, AT(handler_polls_listen), "unix:/run/confab/polls.sock", 0, 0 },
    { "limits", "message", VALUE_NUMBER, AT(limits_message), "4000", 2, 4000 },
    { "limits", "body", VALUE_SIZE, AT(limits_body), "64 KiB", 16 * 1024, 16 << 20 },
    { "limits", "rate", VALUE_RATE, AT(limits_rate), "10/10s", 0, 0 },
    { "limits", "sign_in", VALUE_RATE, AT(limits_sign_in), "10/600s", 0, 0 },
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static const struct config_row *row_find(struct text section, struct text key)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (text_is(section, rows[i].section) && text_is(key, rows[i].key))
            return &rows[i];
    return NULL;
}

static bool section_known(struct text section)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (text_is(section, rows[i].section))
            return true;
    return false;
}

/* One "key = value" line of a section. */
static bool assign(struct config *config, struct arena *arena, const char *where, struct text section, struct text line,
                   bool seen[ROW_COUNT], const char **error)
{
    struct text value = line, key = text_strip(text_split(&value, '='));
    const struct config_row *row = row_find(section, key);
    if (!row) {
        *error = arena_printf(arena, "%s: %.*s.%.*s: unknown key", where, TEXT_ARGS(section), TEXT_ARGS(key));
        return false;
    }
    if (seen[row - rows]) {
        *error = arena_printf(arena, "%s: %s.%s: given twice", where, row->section, row->key);
        return false;
    }
    seen[row - rows] = true;
    return config_value_set(config, arena, row, where, text_strip(value), error);
}

static bool parse_line(struct config *config, struct arena *arena, const char *where, struct text *section,
                       struct text line, bool seen[ROW_COUNT], const char **error)
{
    line = text_strip(line);
    if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
        return true;
    if (line.at[0] == '[' && line.at[line.len - 1] == ']') {
        *section = text_strip((struct text){ line.at + 1, line.len - 2 });
        if (section_known(*section))
            return true;
        *error = arena_printf(arena, "%s: [%.*s]: unknown section", where, TEXT_ARGS(*section));
        return false;
    }
    if (!memchr(line.at, '=', line.len)) {
        *error = arena_printf(arena, "%s: expected `key = value` or `[section]`", where);
        return false;
    }
    if (line.len > FILE_LIMIT || section->len == 0) {
        *error = arena_printf(arena, "%s: a key stands before the first [section]", where);
        return false;
    }
    return assign(config, arena, where, *section, line, seen, error);
}

static bool parse_text(struct config *config, struct arena *arena, const char *name, struct text text,
                       const char **error)
{
    bool seen[ROW_COUNT] = { false };
    struct text section = TEXT("");
    if (text_has_nul(text)) {
        *error = arena_printf(arena, "%s: holds a NUL byte", name);
        return false;
    }
    for (int number = 1; text.len; number++) {
        struct text line = text_split(&text, '\n');
        if (text_ends(line, "\r"))
            line.len--;
        const char *where = arena_printf(arena, "%s:%d", name, number);
        if (!parse_line(config, arena, where, &section, line, seen, error))
            return false;
    }
    return true;
}

static bool set_defaults(struct config *config, struct arena *arena, const char **error)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (!config_value_set(config, arena, &rows[i], "default", text_of(rows[i].fallback), error))
            return false;
    return true;
}

static char *variable_name(struct arena *arena, const struct config_row *row)
{
    char *name = arena_printf(arena, "CONFAB_%s_%s", row->section, row->key);
    for (char *c = name; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    return name;
}

static bool read_environment(struct config *config, struct arena *arena, const char **error)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *name = variable_name(arena, &rows[i]), *value = getenv(name);
        if (value && !config_value_set(config, arena, &rows[i], name, text_of(value), error))
            return false;
    }
    return true;
}

/* The contents of a file of at most FILE_LIMIT bytes. False with errno set. */
static bool read_file(struct arena *arena, const char *path, struct text *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char *bytes = arena_alloc(arena, FILE_LIMIT + 1);
    size_t len = 0;
    ssize_t got = 0;
    while (len <= FILE_LIMIT && (got = read(fd, bytes + len, FILE_LIMIT + 1 - len)) > 0)
        len += (size_t)got;
    int saved = got < 0 ? errno : len > FILE_LIMIT ? EFBIG : 0;
    close(fd);
    errno = saved;
    *out = (struct text){ bytes, len };
    return saved == 0;
}

const struct config *config_load(struct arena *arena, const char *path, const char **error)
{
    const char *named = path ? path : getenv("CONFAB_CONF");
    const char *file = named && *named ? named : SYSCONFDIR "/confab.conf";
    struct config *config = arena_alloc(arena, sizeof *config);
    struct text text = TEXT("");
    if (!read_file(arena, file, &text) && (named || errno != ENOENT)) {
        *error = arena_printf(arena, "%s: %s", file, strerror(errno));
        return NULL;
    }
    bool good = set_defaults(config, arena, error) && parse_text(config, arena, file, text, error) &&
                read_environment(config, arena, error);
    config_value_derive(config);
    return good ? config : NULL;
}

const struct config *config_parse(struct arena *arena, const char *name, struct text text, const char **error)
{
    struct config *config = arena_alloc(arena, sizeof *config);
    bool good = set_defaults(config, arena, error) && parse_text(config, arena, name, text, error);
    config_value_derive(config);
    return good ? config : NULL;
}

const struct config_key *config_key_find(const struct config *config, struct text kid)
{
    for (size_t i = 0; i < config->key_count; i++)
        if (text_equal(config->keys[i].kid, kid))
            return &config->keys[i];
    return NULL;
}
