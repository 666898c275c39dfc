/* lib/live/cursor.c: the token of a long poll, forged, cut, turned and rotated. */
#include "live/cursor.h"

#include <sodium.h>
#include <stdlib.h>

#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"
#include "chat/scope.h"
#include "live/channel.h"
#include "web/secret.h"

static struct arena *arena;
static const struct config *config;
static const int64_t now = 1800000000;

static struct cursor_topic topic(const char *name, const char *join_ref, int64_t room_id, int64_t rev)
{
    struct cursor_topic made = { .topic = text_of(name), .room_id = room_id, .rev = rev };
    if (join_ref)
        made.join_ref = text_of(join_ref);
    return made;
}

static struct cursor guest(void)
{
    struct cursor cursor = cursor_new("0123456789abcdef");
    memcpy(cursor.guest, "AZaz09_-AZaz09_-", CURSOR_GUEST_LEN);
    return cursor;
}

static struct cursor full(void)
{
    struct cursor cursor = guest();
    struct cursor_topic lobby = topic("room:lobby", "3", 1, 57), other = topic("room:b", NULL, INT64_MAX, INT64_MAX);
    cursor.position = 1234567890123;
    cursor_join(arena, &cursor, &lobby);
    cursor_join(arena, &cursor, &other);
    return cursor;
}

static bool reads(struct text token, struct cursor *out)
{
    return cursor_read(config, arena, edge_text(token), now, out);
}

static bool holds(struct text token)
{
    struct cursor cursor;
    return reads(token, &cursor);
}

static void test_round(void)
{
    struct cursor cursor = full(), back;
    ok(strlen(cursor.sid) == CURSOR_SID_LEN && strcmp(cursor.sid, guest().sid) != 0, "each poll has a sid of its own");
    struct text token = cursor_token(config, arena, &cursor, now);
    ok(reads(token, &back), "a token can be read");
    ok(token.len < 200, "and is short: %zu characters", token.len);
    is(back.sid, cursor.sid, "it has the sid");
    is(back.epoch, "0123456789abcdef", "the epoch");
    is(back.guest, "AZaz09_-AZaz09_-", "the guest");
    ok(back.position == cursor.position && back.events == 0, "the position");
    ok(back.issued_at == now && back.expires_at == now + CURSOR_SECONDS, "its times");
    ok(back.count == 2 && text_is(back.topics[0].topic, "room:lobby") && text_is(back.topics[0].join_ref, "3") &&
           back.topics[0].room_id == 1 && back.topics[0].rev == 57,
       "a topic");
    ok(text_is(back.topics[1].topic, "room:b") && !back.topics[1].join_ref.at && back.topics[1].room_id == INT64_MAX &&
           back.topics[1].rev == INT64_MAX,
       "and another, with a join_ref of null");
    ok(text_equal(cursor_token(config, arena, &back, now), token), "written again it is the same");
}

static void test_owner(void)
{
    struct cursor cursor = cursor_new("0123456789abcdef"), back;
    struct scope ann = { .guest = TEXT("AZaz09_-AZaz09_-") }, bob = { .guest = TEXT("AZaz09_-AZaz09_A") }, none = { 0 };
    struct scope one = { .user_id = 1, .token = TEXT("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU") },
                 other = { .user_id = 1, .token = TEXT("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFA") };
    cursor_own(&cursor, &ann, false);
    ok(reads(cursor_token(config, arena, &cursor, now), &back) && !back.from_cookie, "a guest's comes back");
    ok(cursor_owned(&back, &ann) && !cursor_owned(&back, &bob), "as that guest's");
    ok(!cursor_owned(&back, &none) && !cursor_owned(&back, &one), "and neither nobody's nor a session's");
    cursor_own(&cursor, &one, true);
    ok(reads(cursor_token(config, arena, &cursor, now), &back) && back.from_cookie, "a session's comes back");
    is(back.session, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "with its hash");
    ok(cursor_owned(&back, &one) && !cursor_owned(&back, &other), "as that session's");
    ok(!cursor_owned(&back, &none) && !cursor_owned(&back, &ann), "and no guest's");
}

static void test_forgery(void)
{
    struct cursor cursor = full();
    struct text token = cursor_token(config, arena, &cursor, now);
    size_t held = 0, bits = 0;
    for (size_t i = 0; i < token.len; i++)
        held += holds((struct text){ token.at, i });
    ok(held == 0, "none that is cut holds");
    unsigned char bytes[CURSOR_TOKEN_MAX];
    size_t len = 0;
    ok(text_unbase64url(token, bytes, sizeof bytes, &len), "it is base64url");
    for (; bits < len * 8; bits++) {
        bytes[bits / 8] ^= (unsigned char)(1 << bits % 8);
        held += holds(text_base64url(arena, bytes, len));
        bytes[bits / 8] ^= (unsigned char)(1 << bits % 8);
    }
    ok(held == 0, "none with a bit turned does: %zu of them", bits);
    ok(holds(text_base64url(arena, bytes, len)), "as it was it does");
    ok(!holds(text_of(arena_printf(arena, "%.*sA", TEXT_ARGS(token)))), "not with a character more");
    ok(!holds(text_of(arena_printf(arena, "%.*s=", TEXT_ARGS(token)))), "nor with padding");
    static const char *const bad[] = { "", "x", "....", "AAAA", "a.b.c" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(!holds(text_of(bad[i])), "no token: '%s'", bad[i]);
    char *long_one = arena_alloc(arena, CURSOR_TOKEN_MAX + 2);
    memset(long_one, 'A', CURSOR_TOKEN_MAX + 1);
    ok(!holds(text_of(long_one)) && !holds((struct text){ long_one, CURSOR_TOKEN_MAX }), "nor as long as can be");
}

/* What is signed, but has another shape. */
static bool holds_body(const unsigned char *body, size_t len)
{
    unsigned char *bytes = arena_alloc(arena, SECRET_BYTES + len);
    memcpy(bytes + SECRET_BYTES, body, len);
    secret_mac(&config->keys[0], CURSOR_PURPOSE, body, len, bytes);
    return holds(text_base64url(arena, bytes, SECRET_BYTES + len));
}

static void test_shape(void)
{
    struct cursor cursor = full();
    struct text token = cursor_token(config, arena, &cursor, now);
    unsigned char bytes[1000], *body = bytes + SECRET_BYTES;
    size_t len = 0, held = 0;
    ok(text_unbase64url(token, bytes, sizeof bytes - 1, &len), "a body");
    len -= SECRET_BYTES;
    ok(holds_body(body, len), "signed as it is");
    for (size_t i = 0; i < len; i++)
        held += holds_body(body, i);
    ok(held == 0, "one that is cut is refused, though it is signed");
    body[len] = 0;
    ok(!holds_body(body, len + 1), "and one with a byte more");
    body[0]++;
    ok(!holds_body(body, len), "and one of another version");
    body[0]--;
    unsigned char mac[SECRET_BYTES];
    secret_mac(&config->keys[0], "csrf", body, len, mac);
    memcpy(bytes, mac, sizeof mac);
    ok(!holds(text_base64url(arena, bytes, SECRET_BYTES + len)), "and one that was signed for something else");
}

static void test_time(void)
{
    struct cursor cursor = full(), back;
    struct text token = cursor_token(config, arena, &cursor, now);
    ok(cursor_read(config, arena, token, now + CURSOR_SECONDS - 1, &back), "a token is good for some minutes");
    ok(!cursor_read(config, arena, token, now + CURSOR_SECONDS, &back), "and no longer");
    ok(cursor_read(config, arena, token, now - 60, &back), "another host's clock may be behind");
    ok(!cursor_read(config, arena, token, now - 61, &back), "a little");
}

static void test_rotation(void)
{
    const struct config *both = settings_keys(arena, SETTINGS_KEY_B " " SETTINGS_KEY_A),
                        *new = settings_keys(arena, SETTINGS_KEY_B);
    struct cursor cursor = full(), back;
    struct text token = cursor_token(config, arena, &cursor, now);
    ok(cursor_read(both, arena, token, now, &back), "a token of the older key holds while that is known");
    ok(!cursor_read(new, arena, token, now, &back), "and not after that");
    token = cursor_token(both, arena, &cursor, now);
    ok(cursor_read(new, arena, token, now, &back) && !cursor_read(config, arena, token, now, &back),
       "the first key signs");
}

static void test_topics(void)
{
    struct cursor cursor = full(), copy = cursor_copy(arena, &cursor);
    struct cursor_topic third = topic("room:c", "9", 7, 0);
    cursor_join(arena, &copy, &third);
    ok(copy.count == 3 && cursor.count == 2, "a copy is changed alone");
    ok(cursor_find(&copy, TEXT("room:c")) == cursor_find_room(&copy, 7), "a topic is found by name and by room");
    ok(!cursor_find(&copy, TEXT("room:d")) && !cursor_find_room(&copy, 8), "and one that is not there is not");
    cursor_leave(&copy, cursor_find(&copy, TEXT("room:lobby")));
    ok(copy.count == 2 && text_is(copy.topics[0].topic, "room:b") && text_is(copy.topics[1].topic, "room:c"),
       "the others stay in order");
}

static void test_limits(void)
{
    struct cursor cursor = guest(), back;
    size_t count = 0;
    for (; count < 200; count++) {
        struct cursor_topic next = topic(arena_printf(arena, "room:%zu", count), "1234", (int64_t)count + 1, 0);
        if (!cursor_fits(&cursor, next.topic, next.join_ref))
            break;
        cursor_join(arena, &cursor, &next);
    }
    ok(count == CHANNEL_JOINS_MAX, "so many rooms with short names fit: %zu", count);
    ok(cursor_fits(&cursor, TEXT("room:7"), TEXT("5")), "one of them may be joined anew");
    ok(reads(cursor_token(config, arena, &cursor, now), &back) && back.count == count, "and can be read");
    cursor = guest();
    for (count = 0; count < 200; count++) {
        struct cursor_topic next = topic(arena_printf(arena, "room:%060zu", count),
                                         arena_printf(arena, "%064zu", count), INT64_MAX, INT64_MAX);
        if (!cursor_fits(&cursor, next.topic, next.join_ref))
            break;
        cursor_join(arena, &cursor, &next);
    }
    struct text token = cursor_token(config, arena, &cursor, now);
    ok(count > 25 && token.len <= CURSOR_TOKEN_MAX && token.len > CURSOR_TOKEN_MAX - 300,
       "fewer with names and refs as long as can be: %zu, %zu characters", count, token.len);
    ok(reads(token, &back) && back.count == count, "which can be read as well");
    cursor = guest();
    ok(!cursor_fits(&cursor, text_of(arena_printf(arena, "%081d", 0)), TEXT("1")) &&
           !cursor_fits(&cursor, TEXT("room:a"), text_of(arena_printf(arena, "%065d", 0))),
       "none that is too long fits");
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    arena = arena_new();
    config = settings_keys(arena, SETTINGS_KEY_A);
    test_round();
    test_owner();
    test_forgery();
    test_shape();
    test_time();
    test_rotation();
    test_topics();
    test_limits();
    arena_free(&arena);
    return done();
}
