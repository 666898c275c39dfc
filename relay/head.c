#include "relay/head.h"

#include <string.h>

static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char((unsigned char)text.at[i]))
            return false;
    return text.len > 0;
}

/* Visible characters, space, tab, and bytes above ASCII: no control character can hide in a value. */
static bool is_value(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

/* "/path" or "/path?query" in visible ASCII; other forms of a target are for proxies. */
static bool parse_target(struct text target, struct head *out)
{
    if (!text_starts(target, "/"))
        return false;
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= 0x20 || target.at[i] >= 0x7F || target.at[i] == '#')
            return false;
    out->query = target;
    out->path = text_split(&out->query, '?');
    return true;
}

static bool parse_request_line(struct text line, struct head *out)
{
    struct text rest = line;
    out->method = text_split(&rest, ' ');
    struct text target = text_split(&rest, ' ');
    out->http11 = text_is(rest, "HTTP/1.1");
    return is_token(out->method) && parse_target(target, out) && (out->http11 || text_is(rest, "HTTP/1.0"));
}

/* A line that begins with white space would continue the one before (obs-fold): its name is no token. */
static bool parse_field(struct text line, struct head *out)
{
    if (out->field_count == HEAD_FIELDS_MAX || !memchr(line.at, ':', line.len))
        return false;
    struct head_field *field = &out->fields[out->field_count++];
    field->value = line;
    field->name = text_split(&field->value, ':');
    field->value = text_strip(field->value);
    return is_token(field->name) && is_value(field->value);
}

/* Fields that mean one thing only. (Two Origins are counted where origins are judged.) */
static bool check_singles(const struct head *head)
{
    static const char *const singles[] = { "Host",    "Content-Length",       "Transfer-Encoding", "Sec-WebSocket-Key",
                                           "Upgrade", "Sec-WebSocket-Version" };
    size_t count;
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++) {
        head_field(head, singles[i], &count);
        if (count > 1)
            return false;
    }
    head_field(head, "Host", &count);
    return count == 1 || !head->http11;
}

/* A length that is none, two ways to end a body, or (CVE-2026-58055) an upgrade with a body. */
static bool check_body(const struct head *head)
{
    size_t lengths, codings, upgrades;
    int64_t length;
    struct text value = head_field(head, "Content-Length", &lengths);
    head_field(head, "Transfer-Encoding", &codings);
    head_field(head, "Upgrade", &upgrades);
    if (lengths && !text_number(value, INT64_MAX, &length))
        return false;
    if (codings && (lengths || !head->http11))
        return false;
    return !upgrades || (!lengths && !codings);
}

/* Cut a line off, without its CR LF. False: there is none yet, or it has a bare CR or LF (*bad). */
static bool take_line(struct text *rest, struct text *line, bool *bad)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->at) : rest->len;
    const char *cr = memchr(rest->at, '\r', len);
    bool ends_well = end && len > 0 && cr == end - 1;
    *bad = end ? !ends_well : cr && cr != rest->at + len - 1;
    if (!ends_well)
        return false;
    *line = (struct text){ rest->at, len - 1 };
    rest->at += len + 1;
    rest->len -= len + 1;
    return true;
}

enum head_state head_parse(struct text text, struct head *out)
{
    struct text rest = text.len > HEAD_BYTES_MAX ? (struct text){ text.at, HEAD_BYTES_MAX } : text, line;
    bool bad = false, first = true;
    *out = (struct head){ .field_count = 0 };
    while (rest.len && take_line(&rest, &line, &bad)) {
        if (line.len == 0 && !first) {
            out->len = (size_t)(rest.at - text.at);
            return check_singles(out) && check_body(out) ? HEAD_DONE : HEAD_BAD;
        }
        if (!(first ? parse_request_line(line, out) : parse_field(line, out)))
            return HEAD_BAD;
        first = false;
    }
    return bad || text.len >= HEAD_BYTES_MAX ? HEAD_BAD : HEAD_PARTIAL;
}

struct text head_field(const struct head *head, const char *name, size_t *count)
{
    struct text first = TEXT("");
    size_t found = 0;
    for (size_t i = 0; i < head->field_count; i++)
        if (text_is_nocase(head->fields[i].name, name) && found++ == 0)
            first = head->fields[i].value;
    if (count)
        *count = found;
    return first;
}

bool head_has_token(const struct head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct text rest = head->fields[i].value;
        while (text_is_nocase(head->fields[i].name, name) && rest.len)
            if (text_is_nocase(text_strip(text_split(&rest, ',')), token))
                return true;
    }
    return false;
}

bool head_has_body(const struct head *head)
{
    size_t codings;
    head_field(head, "Transfer-Encoding", &codings);
    struct text length = head_field(head, "Content-Length", NULL);
    return codings || (length.len && !text_is(length, "0"));
}
