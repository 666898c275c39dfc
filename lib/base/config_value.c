#include "base/config_value.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"

/* A number followed by one of the units; the bare number counts as units[0]. */
struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit sizes[] = { { "", 1 }, { "B", 1 }, { "KiB", 1024 }, { "MiB", 1024 * 1024 }, { NULL, 0 } };
static const struct unit durations[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 } };

static bool parse_measure(struct text value, const struct unit *units, int64_t *out)
{
    size_t digits = 0;
    while (digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9')
        digits++;
    struct text unit = text_strip((struct text){ value.at + digits, value.len - digits });
    int64_t number;
    if (!text_number((struct text){ value.at, digits }, INT64_MAX, &number))
        return false;
    for (; units->name; units++)
        if (text_is(unit, units->name))
            return !__builtin_mul_overflow(number, units->factor, out);
    return false;
}

static bool parse_switch(struct text value, bool *out)
{
    *out = text_is(value, "on");
    return *out || text_is(value, "off");
}

/* `10/10s` */
static bool parse_rate(struct text value, struct config_rate *rate)
{
    struct text period = value, count = text_split(&period, '/');
    return text_number(text_strip(count), 1000000000, &rate->count) && rate->count > 0 &&
           parse_measure(text_strip(period), durations, &rate->period_ms) && rate->period_ms > 0 &&
           rate->period_ms <= 86400000;
}

/* `unix:/path` */
static bool parse_path(struct text value)
{
    enum { SOCKET_PATH_MAX = 107 };
    if (!text_starts(value, "unix:"))
        return false;
    struct text path = { value.at + 5, value.len - 5 };
    return path.len > 0 && path.len <= SOCKET_PATH_MAX && path.at[0] == '/';
}

/* `unix:/path` or `address:port`. */
static bool parse_listen(struct text value)
{
    if (text_starts(value, "unix:"))
        return parse_path(value);
    const char *colon = value.len ? memrchr(value.at, ':', value.len) : NULL;
    int64_t port;
    return colon && colon > value.at &&
           text_number((struct text){ colon + 1, (size_t)(value.at + value.len - colon - 1) }, 65535, &port) &&
           port > 0;
}

/* scheme://host[:port]/path/, without user, query or fragment; the host as a browser would send it. */
static bool split_url(struct config *config, struct arena *arena)
{
    struct text url = text_of(config->site_url);
    config->secure = text_starts(url, "https://");
    if (!config->secure && !text_starts(url, "http://"))
        return false;
    size_t start = config->secure ? 8 : 7, end = start;
    while (end < url.len && url.at[end] != '/')
        end++;
    struct text host = { url.at + start, end - start }, path = { url.at + end, url.len - end };
    if (host.len == 0 || host.len > 255 || path.len > 200)
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", host.at[i]))
            return false;
    for (size_t i = 0; i < path.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/", path.at[i]) ||
            (i > 0 && path.at[i] == '/' && path.at[i - 1] == '/'))
            return false;
    if (text_ends(host, config->secure ? ":443" : ":80")) /* a browser leaves the default port out of Origin */
        host.len -= config->secure ? 4 : 3;
    config->origin = text_of(arena_printf(arena, "http%s://%.*s", config->secure ? "s" : "", TEXT_ARGS(host)));
    config->base = text_of(arena_printf(arena, "%.*s%s", TEXT_ARGS(path), text_ends(path, "/") ? "" : "/"));
    config->site_url = arena_printf(arena, "%.*s%.*s", TEXT_ARGS(config->origin), TEXT_ARGS(config->base));
    return true;
}

/* `kid:base64url(32 bytes)`, separated by spaces. */
static bool split_keys(struct config *config)
{
    config->key_count = 0;
    struct text rest = text_of(config->session_keys);
    while (rest.len) {
        struct text word = text_split(&rest, ' '), secret = word, kid = text_split(&secret, ':');
        if (word.len == 0)
            continue;
        struct config_key *key = &config->keys[config->key_count];
        size_t len = 0;
        if (config->key_count == CONFIG_KEYS_MAX || kid.len == 0 || kid.len > 32 || config_key_find(config, kid) ||
            !text_unbase64url(secret, key->bytes, sizeof key->bytes, &len) || len != sizeof key->bytes ||
            sodium_is_zero(key->bytes, sizeof key->bytes))
            return false;
        key->kid = kid;
        config->key_count++;
    }
    return true;
}

static bool in_range(const struct config_row *row, int64_t number)
{
    return number >= row->least && number <= row->most;
}

static bool store(struct config *config, struct arena *arena, const struct config_row *row, struct text value,
                  const char **expected)
{
    void *at = (char *)config + row->at;
    int64_t number = 0;
    switch (row->kind) {
    case VALUE_LISTEN:
        *expected = "expected `unix:/path` (at most 107 bytes) or `address:port`";
        if (!parse_listen(value))
            return false;
        *(const char **)at = text_string(arena, value);
        return true;
    case VALUE_PATH:
        *expected = "expected `unix:/path` (at most 107 bytes) or nothing";
        if (value.len && !parse_path(value))
            return false;
        *(const char **)at = text_string(arena, value);
        return true;
    case VALUE_STRING: *(const char **)at = text_string(arena, value); return true;
    case VALUE_SITE:
        *expected = "expected http:// or https://, a lower-case host, and a path without query";
        config->site_url = text_string(arena, value);
        return split_url(config, arena);
    case VALUE_KEYS:
        *expected = "expected `kid:base64url(32 bytes)`, at most 8 of them with a space between, each kid once";
        config->session_keys = text_string(arena, value);
        return split_keys(config);
    case VALUE_SWITCH: *expected = "expected `on` or `off`"; return parse_switch(value, at);
    case VALUE_RATE: *expected = "expected a count and a time, such as `10/10s`"; return parse_rate(value, at);
    case VALUE_NUMBER:
        *expected = "expected a number";
        if (!text_number(value, INT64_MAX, &number))
            return false;
        break;
    case VALUE_SIZE:
        *expected = "expected a size, such as `256 KiB`";
        if (!parse_measure(value, sizes, &number))
            return false;
        break;
    case VALUE_DURATION:
        *expected = "expected a time, such as `10 s`";
        if (!parse_measure(value, durations, &number))
            return false;
        break;
    }
    *(int64_t *)at = number;
    *expected = arena_printf(arena, "must be between %lld and %lld", (long long)row->least, (long long)row->most);
    return in_range(row, number);
}

bool config_value_set(struct config *config, struct arena *arena, const struct config_row *row, const char *where,
                      struct text value, const char **error)
{
    const char *expected = "";
    if (store(config, arena, row, value, &expected))
        return true;
    *error = arena_printf(arena, "%s: %s.%s: %s", where, row->section, row->key, expected);
    return false;
}

static const char *either(const char *first, const char *second)
{
    return first && *first ? first : second;
}

void config_value_derive(struct config *config)
{
    config->database_relay_url = either(config->database_relay_url, config->database_url);
    config->database_listen_url = either(config->database_listen_url, config->database_relay_url);
    config->database_migrate_url = either(config->database_migrate_url, config->database_url);
}
