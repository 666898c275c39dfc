#include "web/present.h"

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

static json_t *json_date(int64_t at, const char *format)
{
    char text[64];
    struct tm utc;
    time_t seconds = (time_t)(at / 1000000);
    must(gmtime_r(&seconds, &utc) != NULL);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    must(strftime(text, sizeof text, format, &utc) > 0);
#pragma GCC diagnostic pop
    return json_string(text);
}

static json_t *json_parts(struct text text)
{
    json_t *parts = json_array();
    struct text part;
    bool is_link;
    while (links_next(&text, &part, &is_link))
        json_array_append_new(
            parts, json_pack("{s:o, s:o}", "href", is_link ? json_text(part) : json_null(), "text", json_text(part)));
    return parts;
}

struct text present_picture(const struct config *config, struct text picture)
{
    struct text origin = config->origin;
    bool ours = picture.len > origin.len && text_equal((struct text){ picture.at, origin.len }, origin) &&
                picture.at[origin.len] == '/';
    return ours ? picture : TEXT("");
}

static json_t *json_user(const struct config *config, const struct message *message)
{
    if (!message->userid.len)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "userID", json_text(message->userid), "name", json_text(message->user_name),
                     "picture", json_text_or_null(present_picture(config, message->user_picture)));
}

/* The first character, for where no picture is. */
static struct text initial(struct text name)
{
    struct text rest = name;
    uint32_t point;
    return utf8_next(&rest, &point) ? (struct text){ name.at, name.len - rest.len } : TEXT("");
}

/* Whose it is, in a form that a page can compare with its own: "user:<userID>", "guest:<id>", or empty. */
static const char *author(struct arena *arena, const struct message *message)
{
    if (message->userid.len)
        return arena_printf(arena, "user:%.*s", TEXT_ARGS(message->userid));
    if (message->guest.len)
        return arena_printf(arena, "guest:%.*s", TEXT_ARGS(message->guest));
    return "";
}

static json_t *json_id(struct arena *arena, int64_t id)
{
    return json_string(arena_printf(arena, "%lld", (long long)id));
}

json_t *present_message_view(const struct config *config, struct arena *arena, const struct message *message)
{
    const char *path = arena_printf(arena, "%.*srooms/%.*s/messages/%lld", TEXT_ARGS(config->base),
                                    TEXT_ARGS(message->room), (long long)message->id);
    json_t *json =
        json_pack("{s:o, s:I, s:I, s:o, s:s, s:b, s:o, s:o, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
                  json_id(arena, message->id), "seq", (json_int_t)message->seq, "rev", (json_int_t)message->rev, "name",
                  json_text(message->name), "author", author(arena, message), "guest", message->guest.len > 0, "user",
                  json_user(config, message), "initials", json_text(initial(message->name)), "deleted",
                  message->deleted, "edited", message->edited_at != 0 && !message->deleted, "path", path, "inserted_at",
                  json_time(message->inserted_at), "edited_at", json_time(message->edited_at), "time",
                  json_date(message->inserted_at, "%H:%M"), "date", json_date(message->inserted_at, "%-d %B %Y"),
                  "parts", json_parts(message->message));
    must(json != NULL);
    return json;
}

static bool render_html(const struct config *config, const struct view *view, struct arena *arena,
                        const struct message *message, struct buffer *out)
{
    json_t *data = present_message_view(config, arena, message);
    bool good = view_render(view, "messages/_message", data, out);
    json_decref(data);
    return good;
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
    enum { HTML_USUAL = 800 };
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
    buffer_printf(out, "{\"id\":\"%lld\"", (long long)message->id);
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
