#include "web/present.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "base/utf8.h"
#include "chat/message.h"
#include "chat/presence.h"
#include "chat/user.h"
#include "web/json_text.h"
#include "web/links.h"
#include "web/rendered.h"
#include "web/value.h"
#include "web/view.h"

/* Text from the database is UTF-8; anything else is our own mistake. */
static json_t *json_text(struct text text)
{
    json_t *json = json_stringn(text.at, text.len);
    must(json != NULL);
    return json;
}

static json_t *json_text_or_null(struct text text)
{
    return text.len ? json_text(text) : json_null();
}

static json_t *json_time(int64_t at)
{
    char text[CLOCK_TEXT_SIZE];
    return at ? json_string(clock_text(at, text)) : json_null();
}

struct text present_picture(const struct config *config, struct text picture)
{
    struct text origin = config->origin;
    bool ours = picture.len > origin.len && text_equal((struct text){ picture.at, origin.len }, origin) &&
                picture.at[origin.len] == '/';
    return ours ? picture : TEXT("");
}

/* The first character, for where no picture is. */
static struct text initial(struct text name)
{
    struct text rest = name;
    uint32_t point;
    return utf8_next(&rest, &point) ? (struct text){ name.at, name.len - rest.len } : TEXT("");
}

/* --- a message as its template needs it --- */

enum { HTML_USUAL = 800 }; /* bytes */

enum { VIEW_FIELDS = 16, USER_FIELDS = 3, PART_FIELDS = 2, NUMBER_SIZE = 24, DATE_SIZE = 32 };

/* The values, and what they point to besides the message and the arena. */
struct message_view {
    struct field fields[VIEW_FIELDS], user[USER_FIELDS];
    char id[NUMBER_SIZE], inserted_at[CLOCK_TEXT_SIZE], edited_at[CLOCK_TEXT_SIZE], time[DATE_SIZE], date[DATE_SIZE];
};

static struct value joined(struct arena *arena, const struct text *pieces, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += pieces[i].len;
    char *at = arena_alloc(arena, len + 1), *end = at;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len)
            memcpy(end, pieces[i].at, pieces[i].len);
        end += pieces[i].len;
    }
    return value_text((struct text){ at, len });
}

/* Whose it is, in a form that a page can compare with its own: "user:<userID>", "guest:<id>", or empty. */
static struct value author(struct arena *arena, const struct message *message)
{
    const struct text user[] = { TEXT("user:"), message->userid }, guest[] = { TEXT("guest:"), message->guest };
    if (!message->userid.len && !message->guest.len)
        return value_text(TEXT(""));
    return joined(arena, message->userid.len ? user : guest, 2);
}

static struct value path(const struct config *config, struct arena *arena, const struct message *message,
                         const char *id)
{
    const struct text pieces[] = { config->base, TEXT("rooms/"), message->room, TEXT("/messages/"), text_of(id) };
    return joined(arena, pieces, sizeof pieces / sizeof pieces[0]);
}

static struct value user(const struct config *config, const struct message *message, struct field fields[USER_FIELDS])
{
    if (!message->userid.len)
        return value_null();
    fields[0] = (struct field){ "userID", value_text(message->userid) };
    fields[1] = (struct field){ "name", value_text(message->user_name) };
    fields[2] = (struct field){ "picture", value_text_or_null(present_picture(config, message->user_picture)) };
    return value_object(fields, USER_FIELDS);
}

/* The text, cut at its addresses. */
static struct value parts(struct arena *arena, struct text text)
{
    struct text rest = text, part;
    bool is_link;
    size_t count = 0;
    while (links_next(&rest, &part, &is_link))
        count++;
    struct value *list = arena_array(arena, count, sizeof *list);
    struct field *fields = arena_array(arena, count * PART_FIELDS, sizeof *fields);
    for (size_t i = 0; links_next(&text, &part, &is_link); i++, fields += PART_FIELDS) {
        fields[0] = (struct field){ "href", is_link ? value_text(part) : value_null() };
        fields[1] = (struct field){ "text", value_text(part) };
        list[i] = value_object(fields, PART_FIELDS);
    }
    return value_list(list, count);
}

static struct value instant(int64_t at, char out[CLOCK_TEXT_SIZE])
{
    return at ? value_text(text_of(clock_text(at, out))) : value_null();
}

/* "08:30", and "20 November 2026". */
static void write_date(int64_t at, struct message_view *out)
{
    struct tm utc;
    time_t seconds = (time_t)(at / 1000000);
    must(gmtime_r(&seconds, &utc) != NULL);
    must(strftime(out->time, sizeof out->time, "%H:%M", &utc) > 0);
    must(strftime(out->date, sizeof out->date, "%-d %B %Y", &utc) > 0);
}

/* What views/messages/_message.mustache needs, as long as *out, the arena and the message are there. */
static struct value message_value(const struct config *config, struct arena *arena, const struct message *message,
                                  struct message_view *out)
{
    snprintf(out->id, sizeof out->id, "%lld", (long long)message->id);
    write_date(message->inserted_at, out);
    const struct field fields[VIEW_FIELDS] = {
        { "id", value_text(text_of(out->id)) },
        { "seq", value_number(message->seq) },
        { "rev", value_number(message->rev) },
        { "name", value_text(message->name) },
        { "author", author(arena, message) },
        { "guest", value_bool(message->guest.len > 0) },
        { "user", user(config, message, out->user) },
        { "initials", value_text(initial(message->name)) },
        { "deleted", value_bool(message->deleted) },
        { "edited", value_bool(message->edited_at != 0 && !message->deleted) },
        { "path", path(config, arena, message, out->id) },
        { "inserted_at", instant(message->inserted_at, out->inserted_at) },
        { "edited_at", instant(message->edited_at, out->edited_at) },
        { "time", value_text(text_of(out->time)) },
        { "date", value_text(text_of(out->date)) },
        { "parts", parts(arena, message->message) },
    };
    memcpy(out->fields, fields, sizeof fields);
    return value_object(out->fields, VIEW_FIELDS);
}

json_t *present_message_view(const struct config *config, struct arena *arena, const struct message *message)
{
    struct message_view memory;
    struct value value = message_value(config, arena, message, &memory);
    return value_json(&value);
}

static bool render_html(const struct config *config, const struct view *view, struct arena *arena,
                        const struct message *message, struct buffer *out)
{
    struct message_view memory;
    return view_fill(view, "messages/_message", message_value(config, arena, message, &memory), out);
}

/* Through the cache: the same for every viewer, so it is rendered once. */
static bool add_html(const struct config *config, const struct view *view, struct arena *arena,
                     const struct message *message, struct buffer *out)
{
    struct rendered_key key = rendered_key(RENDERED_HTML, config, view, message);
    size_t before = out->len;
    if (rendered_find(&key, out))
        return !out->full;
    bool good = render_html(config, view, arena, message, out);
    if (good)
        rendered_keep(&key, (struct text){ out->at + before, out->len - before });
    return good;
}

/* One that passes a limit (logged) is left out. */
json_t *present_messages(const struct config *config, const struct view *view, struct arena *arena,
                         const struct messages *messages)
{
    struct buffer html = buffer_new(messages->count * (size_t)PRESENT_HTML_MAX);
    buffer_expect(&html, messages->count * (size_t)HTML_USUAL);
    for (size_t i = 0; i < messages->count; i++)
        (void)add_html(config, view, arena, &messages->items[i], &html);
    /* Made of texts that are UTF-8 by a template that is. */
    json_t *json = json_stringn_nocheck(buffer_view(&html).at, html.len);
    must(json != NULL);
    buffer_free(&html);
    return json;
}

static void add_field(struct buffer *out, const char *name)
{
    buffer_string(out, out->at[out->len - 1] == '{' ? "\"" : ",\"");
    buffer_string(out, name);
    buffer_add(out, "\":", 2);
}

static void add_text(struct buffer *out, const char *name, struct text text)
{
    add_field(out, name);
    json_text_string_or_null(out, text);
}

static void add_time(struct buffer *out, const char *name, int64_t at)
{
    char text[CLOCK_TEXT_SIZE];
    add_text(out, name, at ? text_of(clock_text(at, text)) : TEXT(""));
}

static void add_user(struct buffer *out, const struct message *message)
{
    add_field(out, "user");
    if (!message->userid.len) {
        buffer_string(out, "null");
        return;
    }
    buffer_char(out, '{');
    add_text(out, "userID", message->userid);
    add_text(out, "name", message->user_name);
    add_text(out, "picture", message->user_picture);
    buffer_char(out, '}');
}

static void add_number(struct buffer *out, const char *name, int64_t number)
{
    add_field(out, name);
    json_text_number(out, number);
}

/* In the order in which INTERFACE lists them. */
static void add_fields(struct buffer *out, const struct message *message, struct text html)
{
    buffer_string(out, "{\"id\":\"");
    buffer_number(out, message->id);
    buffer_char(out, '"');
    add_number(out, "seq", message->seq);
    add_number(out, "rev", message->rev);
    add_text(out, "room", message->room);
    add_text(out, "name", message->name);
    add_user(out, message);
    add_text(out, "guest", message->guest);
    add_text(out, "message", message->message);
    add_text(out, "html", html);
    add_text(out, "client_id", message->client_id);
    add_time(out, "inserted_at", message->inserted_at);
    add_time(out, "edited_at", message->edited_at);
    buffer_string(out, message->deleted ? ",\"deleted\":true}" : ",\"deleted\":false}");
}

/* Through the cache as well: its author's reply and the room are told the same. */
bool present_message(const struct config *config, const struct view *view, struct arena *arena,
                     const struct message *message, struct buffer *out)
{
    struct rendered_key key = rendered_key(RENDERED_JSON, config, view, message);
    size_t before = out->len;
    if (rendered_find(&key, out))
        return !out->full;
    struct buffer html = buffer_new(PRESENT_HTML_MAX);
    buffer_expect(&html, HTML_USUAL);
    bool good = render_html(config, view, arena, message, &html);
    if (good)
        add_fields(out, message, buffer_view(&html));
    buffer_free(&html);
    good = good && !out->full;
    if (good)
        rendered_keep(&key, (struct text){ out->at + before, out->len - before });
    return good;
}

json_t *present_user(const struct user *user, bool all)
{
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:o}", "userID", json_text(user->userid), "name", json_text(user->name), "picture",
                  json_text_or_null(user->picture), "inserted_at", json_time(user->inserted_at * 1000000));
    must(json != NULL);
    if (all)
        must(json_object_update_new(json,
                                    json_pack("{s:o, s:o, s:o, s:o}", "email", json_text_or_null(user->email), "phone",
                                              json_text_or_null(user->phone), "role", json_text(user->role),
                                              "confirmed_at", json_time(user->confirmed_at * 1000000))) == 0);
    return json;
}

/* S35: "1 guest", "3 guests", nothing for none. */
static json_t *json_guests(struct arena *arena, int64_t count)
{
    if (!count)
        return json_null();
    return json_string(count == 1 ? "1 guest" : arena_printf(arena, "%lld guests", (long long)count));
}

/* What views/rooms/_people.mustache needs. A new reference. */
static json_t *people_view(struct arena *arena, const struct presence_list *list)
{
    json_t *named = json_array();
    long long more = (long long)list->people - (long long)list->count;
    for (size_t i = 0; i < list->count; i++) {
        const struct presence_entry *entry = &list->entries[i];
        json_array_append_new(named, json_pack("{s:o, s:o, s:o, s:o}", "userID", json_text(entry->userid), "name",
                                               json_text(entry->name), "picture", json_text_or_null(entry->picture),
                                               "initials", json_text(initial(entry->name))));
    }
    json_t *json =
        json_pack("{s:{s:o, s:o, s:o}}", "people", "guests", json_guests(arena, list->guests), "named", named, "more",
                  more > 0 ? json_string(arena_printf(arena, "and %lld more", more)) : json_null());
    must(json != NULL);
    return json;
}

static bool render_people(const struct view *view, struct arena *arena, const struct presence_list *list,
                          struct buffer *out)
{
    json_t *data = people_view(arena, list);
    bool good = view_render(view, "rooms/_people", data, out);
    json_decref(data);
    return good;
}

/* Through the cache: who is here seldom changes between one page and the next. */
json_t *present_people(const struct view *view, struct arena *arena, const struct presence_list *list)
{
    struct rendered_key key = rendered_people_key(arena, view, list);
    struct buffer html = buffer_new(4 * (size_t)PRESENT_HTML_MAX);
    if (!rendered_find(&key, &html) && render_people(view, arena, list, &html))
        rendered_keep(&key, buffer_view(&html));
    json_t *json = json_stringn_nocheck(buffer_view(&html).at, html.len);
    must(json != NULL);
    buffer_free(&html);
    return json;
}
