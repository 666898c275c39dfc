#include "../support/settings.h"
#include "../support/tap.h"

#include <jansson.h>

#include "base/arena.h"
#include "chat/message.h"
#include "chat/presence.h"
#include "web/present.h"
#include "web/view.h"

static struct arena *arena;
static const struct config *config;
static struct view *view;

static const struct message guests = { .id = 12,
                                       .seq = 57,
                                       .rev = 58,
                                       .room_id = 1,
                                       .room = { "lobby", 5 },
                                       .name = { "<Zo\xC3\xAB>", 6 },
                                       .message = { "see https://x.org/?a=1&b=2 <b>", 30 },
                                       .guest = { "AAAAAAAAAAAAAAAA", 16 },
                                       .client_id = { "c1", 2 },
                                       .inserted_at = 1795163400125000 };

static const char *string(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static json_t *present(const struct message *message)
{
    struct buffer text = buffer_new(4 * PRESENT_HTML_MAX);
    json_t *json = present_message(config, view, arena, message, &text)
                       ? json_loadb(buffer_view(&text).at, text.len, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    buffer_free(&text);
    return json;
}

/* Its line is made of values in memory; made of the same as JSON it must be the same to the letter. */
static bool line_of_json_same(const struct message *message)
{
    struct buffer line = buffer_new(PRESENT_HTML_MAX);
    json_t *json = present(message), *data = present_message_view(config, arena, message);
    bool same = view_render(view, "messages/_message", data, &line) && line.len &&
                text_is(buffer_view(&line), string(json, "html"));
    json_decref(data);
    json_decref(json);
    buffer_free(&line);
    return same;
}

static void test_message(void)
{
    json_t *json = present(&guests);
    is(string(json, "id"), "12", "ids are strings");
    ok(json_integer_value(json_object_get(json, "seq")) == 57 && json_integer_value(json_object_get(json, "rev")) == 58,
       "numbers are numbers");
    is(string(json, "room"), "lobby", "S5 a message has its room");
    is(string(json, "name"), "<Zo\xC3\xAB>", "its author's name as it is");
    is(string(json, "message"), "see https://x.org/?a=1&b=2 <b>", "its text as it is");
    is(string(json, "guest"), "AAAAAAAAAAAAAAAA", "its guest");
    ok(json_is_null(json_object_get(json, "user")), "no user");
    is(string(json, "client_id"), "c1", "its client_id");
    is(string(json, "inserted_at"), "2026-11-20T08:30:00.125Z", "its time, in UTC with milliseconds");
    ok(json_is_null(json_object_get(json, "edited_at")) && json_is_false(json_object_get(json, "deleted")),
       "and was never changed");
    ok(json_object_size(json) == 13, "and nothing else");
    ok(line_of_json_same(&guests), "its line is the same when it is filled with JSON");
    json_decref(json);
}

static void test_html(void)
{
    json_t *json = present(&guests);
    const char *html = string(json, "html");
    ok(strstr(html, "<li id=\"msg-12\""), "S11 a line has a stable id");
    ok(strstr(html, "<b>&lt;Zo\xC3\xAB&gt;:</b>"), "S12 the name is escaped");
    ok(strstr(html, "see <a href=\"https://x.org/?a=1&amp;b=2\" rel=\"nofollow ugc noopener\""),
       "S12 an address is a link");
    ok(strstr(html, ">https://x.org/?a=1&amp;b=2</a> &lt;b&gt;"), "S12 and the rest is escaped");
    ok(strstr(html, "<time datetime=\"2026-11-20T08:30:00.125Z\""), "S11 with its time");
    ok(strstr(html, "guest</span>"), "S32 a guest's name is marked");
    json_decref(json);
}

static void test_user(void)
{
    struct message message = guests;
    message.guest = TEXT("");
    message.userid = TEXT("alice"), message.user_name = TEXT("Alice"), message.user_id = 7;
    message.edited_at = message.inserted_at + 1000;
    json_t *json = present(&message), *user = json_object_get(json, "user");
    is(string(user, "userID"), "alice", "a member's message has its user");
    is(string(user, "name"), "Alice", "by the name of today");
    ok(json_object_get(user, "picture") && json_is_null(json_object_get(user, "picture")), "without a picture");
    ok(json_is_null(json_object_get(json, "guest")) && !strstr(string(json, "html"), "guest</span>"),
       "S32 and no guest's mark");
    is(string(json, "edited_at"), "2026-11-20T08:30:00.126Z", "an edited one says when");
    ok(strstr(string(json, "html"), "edited</span>"), "and shows it");
    ok(strstr(string(json, "html"), "data-author=\"user:alice\""), "its author is its public name, not its number");
    ok(line_of_json_same(&message), "the same when it is filled with JSON");
    message.user_picture = TEXT("http://127.0.0.1/me.png");
    ok(line_of_json_same(&message), "with a picture too");
    json_decref(json);
}

static void test_deleted(void)
{
    struct message message = guests;
    message.deleted = true;
    message.name = message.message = message.guest = TEXT("");
    message.edited_at = message.inserted_at;
    json_t *json = present(&message);
    ok(json_is_true(json_object_get(json, "deleted")) && json_is_null(json_object_get(json, "name")) &&
           json_is_null(json_object_get(json, "message")) && json_is_null(json_object_get(json, "guest")),
       "a deleted one has no name, text or author");
    ok(strstr(string(json, "html"), "id=\"msg-12\"") && strstr(string(json, "html"), "Message deleted"),
       "but keeps its line");
    ok(line_of_json_same(&message), "the same when it is filled with JSON");
    json_decref(json);
}

static void test_operator(void)
{
    struct message message = guests;
    message.guest = message.client_id = TEXT("");
    json_t *json = present(&message);
    ok(json_is_null(json_object_get(json, "user")) && json_is_null(json_object_get(json, "guest")) &&
           json_is_null(json_object_get(json, "client_id")),
       "S23 one typed into psql has no author");
    ok(!strstr(string(json, "html"), "guest</span>"), "and no mark");
    ok(line_of_json_same(&message), "the same when it is filled with JSON");
    json_decref(json);
}

/* The longest text, all of it things that grow when they are escaped. */
static void test_largest(void)
{
    struct message message = guests;
    char *text = arena_alloc(arena, 4001);
    memset(text, '"', 4000);
    message.message = text_of(text);
    json_t *json = present(&message);
    ok(json != NULL, "the longest text of quotation marks can be shown");
    ok(line_of_json_same(&message), "the same when it is filled with JSON");
    json_decref(json);
    for (int i = 0; i < 4000; i += 10)
        memcpy(text + i, "http://h\" ", 10);
    json = present(&message);
    ok(json != NULL, "and that of the most addresses");
    ok(line_of_json_same(&message), "the same when it is filled with JSON");
    json_decref(json);
}

static struct text people(const struct presence_list *list)
{
    json_t *json = present_people(view, arena, list);
    struct text html = text_copy(arena, (struct text){ json_string_value(json), json_string_length(json) });
    json_decref(json);
    return html;
}

static struct presence_entry person(const char *userid, const char *name, const char *picture)
{
    return (struct presence_entry){ .userid = text_of(userid), .name = text_of(name), .picture = text_of(picture) };
}

static void test_people(void)
{
    struct presence_entry entries[] = { person("ab", "<Ada>", ""), person("bob", "Bob", "http://x.org/b.png") };
    struct presence_list list = { .people = 2, .guests = 1, .entries = entries, .count = 2 };
    struct text first = people(&list);
    ok(strstr(first.at, "<li class=\"guests\">1 guest</li>\n<li class=\"person\" data-user=\"ab\">"),
       "S35 guests are counted, and persons follow");
    ok(strstr(first.at, "&lt;Ada&gt;</span></li>") && strstr(first.at, "src=\"http://x.org/b.png\""),
       "with name and picture");
    ok(text_ends(first, "</ul>\n</aside>\n") && !strstr(first.at, "class=\"more\""), "and nobody else");
    ok(text_equal(people(&list), first), "the list of the same persons is the same");
    list.guests = 3;
    ok(strstr(people(&list).at, "3 guests"), "another number of guests is shown at once");
    list.people = 5;
    ok(strstr(people(&list).at, "and 3 more"), "as is another number of persons");
    entries[0].name = TEXT("Ann");
    ok(strstr(people(&list).at, "Ann</span>") && !strstr(people(&list).at, "Ada"), "another name");
    entries[1].picture = TEXT("http://x.org/c.png");
    ok(strstr(people(&list).at, "c.png"), "another picture");
    entries[0].userid = TEXT("a"), entries[0].name = TEXT("bAnn");
    ok(strstr(people(&list).at, "data-user=\"a\""), "and another person, whatever the texts are side by side");
    list = (struct presence_list){ .people = 2, .guests = 1, .entries = entries, .count = 2 };
    entries[0] = person("ab", "<Ada>", ""), entries[1].picture = TEXT("http://x.org/b.png");
    ok(text_equal(people(&list), first), "and when all is as before, the list is");
}

static void test_many_people(void)
{
    static struct presence_entry entries[50];
    struct presence_list list = { .people = 50, .entries = entries, .count = 50 };
    for (int i = 0; i < 50; i++)
        entries[i] = person(arena_printf(arena, "user-%d", i), arena_printf(arena, "Person %d", i), "");
    struct text first = people(&list);
    ok(first.len > 4096 && text_equal(people(&list), first), "a list that is too long to be kept is made each time");
    entries[49].name = TEXT("Zoe");
    ok(strstr(people(&list).at, "Zoe</span>"), "and is never old");
    list.count = 0, list.people = 0;
    ok(strstr(people(&list).at, "aria-labelledby=\"people-heading\">\n</ul>"), "one of nobody is empty");
}

int main(void)
{
    const char *error = NULL;
    arena = arena_new();
    config = settings(arena, "[site]\nurl = http://127.0.0.1/chat/\n");
    view = view_load(TESTS "/../views", arena, &error);
    is(error, NULL, "the site's own views are read");
    test_message();
    test_html();
    test_user();
    test_deleted();
    test_operator();
    test_largest();
    test_people();
    test_many_people();
    json_t *data = present_message_view(config, arena, &guests);
    is(string(data, "path"), "/chat/rooms/lobby/messages/12", "links stand below the base path");
    is(string(data, "date"), "20 November 2026", "the date is readable");
    is(string(data, "initials"), "<", "the initial is a letter");
    json_decref(data);
    view_free(&view);
    arena_free(&arena);
    return done();
}
