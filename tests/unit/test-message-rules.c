#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include "base/arena.h"
#include "base/errors.h"
#include "chat/posting.h"
#include "chat/message_rules.h"
#include "chat/scope.h"

static struct arena *arena;
static struct scope guest, member;
static struct errors errors;
static struct message_new out;

static bool check(const struct scope *scope, struct text name, struct text message, struct text client_id)
{
    struct message_new in = { edge_text(name), edge_text(message), edge_text(client_id) };
    errors = (struct errors){ 0 };
    return message_check(scope, &in, &out, &errors);
}

/* unit repeated so often, between before and after */
static struct text repeat(const char *before, const char *unit, size_t count, const char *after)
{
    size_t len = strlen(unit);
    char *text = arena_alloc(arena, strlen(before) + len * count + strlen(after) + 1);
    strcpy(text, before);
    for (size_t i = 0; i < count; i++)
        memcpy(text + strlen(before) + i * len, unit, len);
    strcpy(text + strlen(before) + count * len, after);
    return text_of(text);
}

static bool name_good(struct text name, const char *becomes)
{
    return check(&guest, name, TEXT("hi"), TEXT("")) && text_is(out.name, becomes);
}

static bool name_bad(struct text name, const char *sentence)
{
    bool good = check(&guest, name, TEXT("hi"), TEXT(""));
    const char *said = errors_first(&errors, "name");
    return !good && errors.count == 1 && said && strcmp(said, sentence) == 0;
}

static bool message_good(struct text message, const char *becomes)
{
    return check(&guest, TEXT("Bo"), message, TEXT("")) && text_is(out.message, becomes);
}

static bool message_bad(struct text message, const char *sentence)
{
    bool good = check(&guest, TEXT("Bo"), message, TEXT(""));
    const char *said = errors_first(&errors, "message");
    return !good && errors.count == 1 && said && strcmp(said, sentence) == 0;
}

#define BLANK    "can't be blank"
#define CONTROL  "must not contain control characters"
#define NOT_UTF8 "must be UTF-8 text"

static void test_names(void)
{
    ok(name_good(TEXT("Simon"), "Simon"), "S7 a name");
    ok(name_bad(TEXT(""), BLANK) && name_bad(TEXT(" \t \n"), BLANK) && name_bad(TEXT("\xE3\x80\x80\xC2\xA0"), BLANK),
       "S7 no name, and one of spaces, is refused");
    ok(name_bad(TEXT("\xE2\x80\x8B"), BLANK) && name_bad(TEXT("\xEF\xBB\xBF\xE2\x81\xA0 \xC2\xAD"), BLANK) &&
           name_bad(TEXT("\xE3\x85\xA4"), BLANK),
       "S7 so is one that nobody can see");
    ok(name_good(TEXT(" \r\n Zo\xC3\xAB \xE2\x80\x83"), "Zo\xC3\xAB"), "S9 its ends are trimmed");
    ok(name_good(TEXT("A"), "A") && name_good(TEXT("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80"),
       "S9 one character is enough");
    ok(name_good(repeat("", "\xC3\xAB", 60, ""), repeat("", "\xC3\xAB", 60, "").at), "S9 sixty characters, not bytes");
    ok(name_bad(repeat("", "\xC3\xAB", 61, ""), "should be at most 60 character(s)"), "S9 not sixty-one");
    ok(name_good(repeat(" ", "x", 60, " "), repeat("", "x", 60, "").at), "S9 counted after trimming");
    ok(name_bad(TEXT("a\nb"), "must be on one line") && name_bad(TEXT("a\r\nb"), "must be on one line") &&
           name_bad(TEXT("a\rb"), "must be on one line") &&
           name_bad(TEXT("a\xE2\x80\xA8"
                         "b"),
                    "must be on one line") &&
           name_bad(TEXT("a\xE2\x80\xA9"
                         "b"),
                    "must be on one line"),
       "S9 a name is one line");
    ok(name_bad(TEXT("a\x01"), CONTROL) && name_bad(TEXT("a\0b"), CONTROL) && name_bad(TEXT("\x1b[0m"), CONTROL) &&
           name_bad(TEXT("\x7f"), CONTROL) && name_bad(TEXT("a\xC2\x9B"), CONTROL),
       "S9 without control characters");
    ok(name_bad(TEXT("\xFF"), NOT_UTF8) && name_bad(TEXT("a\xC3"), NOT_UTF8) &&
           name_bad(TEXT("\xED\xA0\x80"), NOT_UTF8),
       "S9 in UTF-8");
    ok(check(&member, TEXT("Mallory"), TEXT("hi"), TEXT("")) && text_is(out.name, "Alice"),
       "S32 a member's name is the account's, whatever came");
    ok(check(&member, TEXT("\xFF"), TEXT("hi"), TEXT("")), "S32 and is not even looked at");
}

static void test_messages(void)
{
    ok(message_good(TEXT("hi"), "hi"), "S8 a message");
    ok(message_bad(TEXT(""), BLANK) && message_bad(TEXT(" \r\n\t\xE2\x80\x89"), BLANK) &&
           message_bad(TEXT("\xE2\x80\x8B\xE2\x80\x8B"), BLANK),
       "S8 none, or nothing that could be seen, is refused");
    ok(message_bad(TEXT("x"), "should be at least 2 character(s)") &&
           message_bad(TEXT(" x\n"), "should be at least 2 character(s)") &&
           message_bad(TEXT("\xF0\x9F\x98\x80"), "should be at least 2 character(s)"),
       "S9 one character is refused, after trimming, and however many bytes it has");
    ok(message_good(repeat("", "\xF0\x9F\x98\x80", 4000, ""), repeat("", "\xF0\x9F\x98\x80", 4000, "").at),
       "S9 4000 characters are not too many");
    ok(message_bad(repeat("", "x", 4001, ""), "should be at most 4000 character(s)"), "S9 one more is");
    ok(message_good(repeat("  ", "x", 4000, "\r\n "), repeat("", "x", 4000, "").at), "S9 counted after trimming");
    ok(message_good(repeat("a", "\r\n", 3998, "b"), repeat("a", "\n", 3998, "b").at), "S9 CRLF counts once");
    ok(message_good(TEXT("a\r\nb\rc\nd\te"), "a\nb\nc\nd\te"), "S9 CRLF and CR become LF; newline and tab stay");
    ok(message_good(TEXT("a\xE2\x80\xA8"
                         "b"),
                    "a\xE2\x80\xA8"
                    "b"),
       "S9 a line separator is no control character");
    ok(message_bad(TEXT("a\x01z"), CONTROL) && message_bad(TEXT("a\0z"), CONTROL) &&
           message_bad(TEXT("a\x0Bz"), CONTROL) && message_bad(TEXT("a\xC2\x85z"), CONTROL) &&
           message_bad(TEXT("a\x7Fz"), CONTROL),
       "S9 control characters are refused");
    ok(message_bad(TEXT("a\xFFz"), NOT_UTF8) && message_bad(TEXT("ab\xF0\x9F"), NOT_UTF8) &&
           message_bad(TEXT("\xC0\x80zz"), NOT_UTF8),
       "S9 and what is no UTF-8");
    ok(!check(&guest, TEXT(""), TEXT(""), TEXT("!")) && errors_first(&errors, "name") &&
           errors_first(&errors, "message") && errors_first(&errors, "client_id"),
       "S15 each field has its own sentence");
}

static void test_limit(void)
{
    struct scope scope = guest;
    scope.config = settings(arena, "[limits]\nmessage = 10\n");
    ok(check(&scope, TEXT("Bo"), TEXT("0123456789"), TEXT("")), "limits.message is the most");
    ok(!check(&scope, TEXT("Bo"), TEXT("0123456789a"), TEXT("")) &&
           strcmp(errors_first(&errors, "message"), "should be at most 10 character(s)") == 0,
       "and is named in the sentence");
}

static bool id_good(struct text id)
{
    return check(&guest, TEXT("Bo"), TEXT("hi"), id) && text_equal(out.client_id, id);
}

static void test_client_ids(void)
{
    ok(id_good(TEXT("3f2504e0-4f89-41d3-9a0c-0305e82c3301")) && id_good(TEXT("a")) && id_good(TEXT("A.b_c:d-9")),
       "a client_id is a word of letters, digits and ._:-");
    ok(id_good(repeat("", "x", 64, "")) && !id_good(repeat("", "x", 65, "")), "of at most 64");
    ok(!id_good(TEXT("a b")) && !id_good(TEXT("a\0")) && !id_good(TEXT("\xC3\xAB")) && !id_good(TEXT("a\n")) &&
           !id_good(TEXT("'")) && !id_good(TEXT("/")),
       "and nothing else");
    ok(check(&guest, TEXT("Bo"), TEXT("hi"), TEXT("")) && out.client_id.len == 22, "without one, one is made");
    struct text first = out.client_id;
    ok(check(&guest, TEXT("Bo"), TEXT("hi"), TEXT("")) && !text_equal(first, out.client_id), "anew each time");
}

int main(void)
{
    arena = arena_new();
    const struct config *config = settings(arena, "");
    guest = (struct scope){ .arena = arena, .config = config, .guest = TEXT("AAAAAAAAAAAAAAAA") };
    member = (struct scope){ .arena = arena, .config = config, .user_id = 7, .name = TEXT("Alice") };
    test_names();
    test_messages();
    test_limit();
    test_client_ids();
    arena_free(&arena);
    return done();
}
