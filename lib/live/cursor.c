/* The token is base64url of a MAC and what it signs. That is, in order: the version, the sid, the owner (one byte, and
 * 12 bytes of a guest's id or 32 of a session's hash), issued_at and expires_at (8 bytes each), the epoch (8), position
 * and events, the number of topics (one byte), and for each its name, room, rev, list and join_ref. Numbers without a
 * size here are of variable length (7 bits a byte, low ones first, no longer than they need be); texts have their
 * length in a byte before them, a join_ref one of 0 for null. */
#include "live/cursor.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "chat/scope.h"
#include "live/channel.h"
#include "web/secret.h"

enum {
    CURSOR_VERSION = 2,
    SID_BYTES = 16,
    GUEST_BYTES = 12,
    SESSION_BYTES = 32,
    EPOCH_BYTES = 8,
    NUMBER_MAX = 9, /* bytes of 63 bits */
    LIST_MAX = 5,   /* and of 32 */
    BYTES_MAX = CURSOR_TOKEN_MAX / 4 * 3 - SECRET_BYTES,
    HEAD_MAX = 1 + SID_BYTES + 1 + SESSION_BYTES + 8 + 8 + EPOCH_BYTES + 2 * NUMBER_MAX + 1,
    OWNER_SESSION = 1, /* bits of the owner's byte */
    OWNER_COOKIE = 2,
    CLOCKS_APART = 60, /* seconds that another host's clock may be ahead */
};

struct cursor cursor_new(const char *epoch)
{
    struct cursor cursor = { .count = 0 };
    unsigned char sid[SID_BYTES];
    randombytes_buf(sid, sizeof sid);
    sodium_bin2base64(cursor.sid, sizeof cursor.sid, sid, sizeof sid, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    must(strlen(epoch) == CURSOR_EPOCH_LEN);
    memcpy(cursor.epoch, epoch, CURSOR_EPOCH_LEN);
    return cursor;
}

void cursor_own(struct cursor *cursor, const struct scope *scope, bool from_cookie)
{
    *cursor->session = *cursor->guest = '\0';
    cursor->from_cookie = from_cookie;
    if (scope->token.len) {
        must(scope->token.len == CURSOR_SESSION_LEN);
        memcpy(cursor->session, scope->token.at, CURSOR_SESSION_LEN);
    } else {
        must(scope->guest.len == CURSOR_GUEST_LEN);
        memcpy(cursor->guest, scope->guest.at, CURSOR_GUEST_LEN);
    }
}

static bool same(const char *kept, struct text came, size_t len)
{
    return *kept && came.len == len && sodium_memcmp(kept, came.at, len) == 0;
}

bool cursor_owned(const struct cursor *cursor, const struct scope *scope)
{
    if (scope->token.len)
        return same(cursor->session, scope->token, CURSOR_SESSION_LEN);
    return same(cursor->guest, scope->guest, CURSOR_GUEST_LEN);
}

/* --- topics --- */

struct cursor_topic *cursor_find(const struct cursor *cursor, struct text topic)
{
    for (size_t i = 0; i < cursor->count; i++)
        if (text_equal(cursor->topics[i].topic, topic))
            return &cursor->topics[i];
    return NULL;
}

struct cursor_topic *cursor_find_room(const struct cursor *cursor, int64_t room_id)
{
    for (size_t i = 0; i < cursor->count; i++)
        if (cursor->topics[i].room_id == room_id)
            return &cursor->topics[i];
    return NULL;
}

static size_t topic_bytes_max(struct text topic, struct text join_ref)
{
    return 1 + topic.len + 2 * NUMBER_MAX + LIST_MAX + 1 + join_ref.len;
}

/* Counters grow, so each is taken as long as it can become. */
bool cursor_fits(const struct cursor *cursor, struct text topic, struct text join_ref)
{
    size_t bytes = HEAD_MAX + topic_bytes_max(topic, join_ref), others = 0;
    for (size_t i = 0; i < cursor->count; i++) {
        const struct cursor_topic *other = &cursor->topics[i];
        if (text_equal(other->topic, topic))
            continue;
        bytes += topic_bytes_max(other->topic, other->join_ref);
        others++;
    }
    return topic.len <= CURSOR_TOPIC_MAX && join_ref.len <= CURSOR_REF_MAX && others < CHANNEL_JOINS_MAX &&
           bytes <= BYTES_MAX;
}

static void grow(struct arena *arena, struct cursor *cursor, size_t size)
{
    struct cursor_topic *topics = arena_array(arena, size, sizeof *topics);
    if (cursor->count)
        memcpy(topics, cursor->topics, cursor->count * sizeof *topics);
    cursor->topics = topics;
    cursor->size = size;
}

struct cursor cursor_copy(struct arena *arena, const struct cursor *cursor)
{
    struct cursor copy = *cursor;
    grow(arena, &copy, copy.count + 4);
    return copy;
}

void cursor_join(struct arena *arena, struct cursor *cursor, const struct cursor_topic *topic)
{
    must(!cursor_find(cursor, topic->topic) && cursor_fits(cursor, topic->topic, topic->join_ref));
    if (cursor->count == cursor->size)
        grow(arena, cursor, cursor->size * 2 + 4);
    struct cursor_topic *added = &cursor->topics[cursor->count++];
    *added = *topic;
    added->topic = text_copy(arena, topic->topic);
    if (topic->join_ref.at)
        added->join_ref = text_copy(arena, topic->join_ref);
}

void cursor_leave(struct cursor *cursor, struct cursor_topic *topic)
{
    size_t at = (size_t)(topic - cursor->topics);
    must(at < cursor->count);
    memmove(topic, topic + 1, (--cursor->count - at) * sizeof *topic);
}

/* --- writing --- */

struct pack {
    unsigned char *at; /* of BYTES_MAX */
    size_t len;
};

static void put(struct pack *pack, const void *bytes, size_t len)
{
    must(len <= BYTES_MAX - pack->len);
    if (len)
        memcpy(pack->at + pack->len, bytes, len);
    pack->len += len;
}

static void put_byte(struct pack *pack, size_t byte)
{
    unsigned char one = (unsigned char)byte;
    must(byte <= UINT8_MAX);
    put(pack, &one, 1);
}

static void put_number(struct pack *pack, int64_t number)
{
    must(number >= 0);
    for (; number > 0x7f; number >>= 7)
        put_byte(pack, (size_t)(number & 0x7f) | 0x80);
    put_byte(pack, (size_t)number);
}

static void put_time(struct pack *pack, int64_t seconds)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        put_byte(pack, (size_t)(seconds >> shift & 0xff));
}

static void put_text(struct pack *pack, struct text text)
{
    put_byte(pack, text.len);
    put(pack, text.at, text.len);
}

/* A text that stands for exactly so many bytes. */
static void put_base64url(struct pack *pack, const char *text, size_t bytes)
{
    unsigned char out[SESSION_BYTES];
    size_t len = 0;
    must(bytes <= sizeof out && text_unbase64url(text_of(text), out, bytes, &len) && len == bytes);
    put(pack, out, bytes);
}

static void put_owner(struct pack *pack, const struct cursor *cursor)
{
    size_t cookie = cursor->from_cookie ? OWNER_COOKIE : 0;
    if (*cursor->session) {
        put_byte(pack, cookie | OWNER_SESSION);
        put_base64url(pack, cursor->session, SESSION_BYTES);
    } else {
        put_byte(pack, cookie);
        put_base64url(pack, cursor->guest, GUEST_BYTES);
    }
}

static void put_epoch(struct pack *pack, const char *epoch)
{
    unsigned char bytes[EPOCH_BYTES];
    size_t len = 0;
    must(sodium_hex2bin(bytes, sizeof bytes, epoch, CURSOR_EPOCH_LEN, NULL, &len, NULL) == 0 && len == EPOCH_BYTES);
    put(pack, bytes, sizeof bytes);
}

static void put_cursor(struct pack *pack, const struct cursor *cursor)
{
    put_byte(pack, CURSOR_VERSION);
    put_base64url(pack, cursor->sid, SID_BYTES);
    put_owner(pack, cursor);
    put_time(pack, cursor->issued_at);
    put_time(pack, cursor->expires_at);
    put_epoch(pack, cursor->epoch);
    put_number(pack, cursor->position);
    put_number(pack, cursor->events);
    put_byte(pack, cursor->count);
    for (size_t i = 0; i < cursor->count; i++) {
        const struct cursor_topic *topic = &cursor->topics[i];
        put_text(pack, topic->topic);
        put_number(pack, topic->room_id);
        put_number(pack, topic->rev);
        put_number(pack, topic->list);
        put_text(pack, topic->join_ref);
    }
}

struct text cursor_token(const struct config *config, struct arena *arena, struct cursor *cursor, int64_t now)
{
    unsigned char *bytes = arena_alloc(arena, SECRET_BYTES + BYTES_MAX);
    struct pack pack = { .at = bytes + SECRET_BYTES };
    must(config->key_count > 0);
    cursor->issued_at = now;
    cursor->expires_at = now + CURSOR_SECONDS;
    put_cursor(&pack, cursor);
    secret_mac(&config->keys[0], CURSOR_PURPOSE, pack.at, pack.len, bytes);
    return text_base64url(arena, bytes, SECRET_BYTES + pack.len);
}

/* --- reading --- */

/* What is left to read; `bad` once something was not as it must be, and stays. */
struct unpack {
    const unsigned char *at;
    size_t len;
    bool bad;
};

/* The next bytes, or NULL. */
static const unsigned char *take(struct unpack *unpack, size_t len)
{
    if (unpack->bad || unpack->len < len) {
        unpack->bad = true;
        return NULL;
    }
    unpack->at += len;
    unpack->len -= len;
    return unpack->at - len;
}

static size_t take_byte(struct unpack *unpack)
{
    const unsigned char *byte = take(unpack, 1);
    return byte ? *byte : 0;
}

static int64_t take_number(struct unpack *unpack)
{
    int64_t number = 0;
    for (int shift = 0; shift < 7 * NUMBER_MAX; shift += 7) {
        size_t byte = take_byte(unpack);
        number |= (int64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (shift && !byte) /* longer than it need be */
            break;
        return number;
    }
    unpack->bad = true;
    return 0;
}

static int64_t take_time(struct unpack *unpack)
{
    const unsigned char *bytes = take(unpack, 8);
    uint64_t seconds = 0;
    for (int i = 0; bytes && i < 8; i++)
        seconds = seconds << 8 | bytes[i];
    unpack->bad |= seconds > INT64_MAX / 2;
    return unpack->bad ? 0 : (int64_t)seconds;
}

/* Empty, with .at NULL, for a length of 0. */
static struct text take_text(struct unpack *unpack, struct arena *arena, size_t most)
{
    size_t len = take_byte(unpack);
    unpack->bad |= len > most;
    const unsigned char *bytes = take(unpack, len);
    if (!bytes || !len)
        return (struct text){ NULL, 0 };
    struct text text = { arena_copy(arena, bytes, len), len };
    unpack->bad |= text_has_nul(text);
    return text;
}

static void take_base64url(struct unpack *unpack, char *out, size_t size, size_t bytes)
{
    const unsigned char *at = take(unpack, bytes);
    if (at)
        sodium_bin2base64(out, size, at, bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void take_owner(struct unpack *unpack, struct cursor *out)
{
    size_t owner = take_byte(unpack);
    unpack->bad |= owner > (OWNER_SESSION | OWNER_COOKIE);
    out->from_cookie = owner & OWNER_COOKIE;
    if (owner & OWNER_SESSION)
        take_base64url(unpack, out->session, sizeof out->session, SESSION_BYTES);
    else
        take_base64url(unpack, out->guest, sizeof out->guest, GUEST_BYTES);
}

static void take_epoch(struct unpack *unpack, struct cursor *out)
{
    const unsigned char *bytes = take(unpack, EPOCH_BYTES);
    if (bytes)
        sodium_bin2hex(out->epoch, sizeof out->epoch, bytes, EPOCH_BYTES);
}

static void take_topic(struct unpack *unpack, struct arena *arena, struct cursor *out)
{
    struct cursor_topic topic = { .topic = take_text(unpack, arena, CURSOR_TOPIC_MAX) };
    topic.room_id = take_number(unpack);
    topic.rev = take_number(unpack);
    int64_t list = take_number(unpack);
    topic.list = (uint32_t)list;
    topic.join_ref = take_text(unpack, arena, CURSOR_REF_MAX);
    unpack->bad |= list > UINT32_MAX || !topic.topic.len || topic.room_id < 1 || cursor_find(out, topic.topic);
    if (!unpack->bad)
        out->topics[out->count++] = topic;
}

static bool take_cursor(struct unpack *unpack, struct arena *arena, struct cursor *out)
{
    *out = (struct cursor){ .count = 0 };
    unpack->bad |= take_byte(unpack) != CURSOR_VERSION;
    take_base64url(unpack, out->sid, sizeof out->sid, SID_BYTES);
    take_owner(unpack, out);
    out->issued_at = take_time(unpack);
    out->expires_at = take_time(unpack);
    take_epoch(unpack, out);
    out->position = take_number(unpack);
    out->events = take_number(unpack);
    out->size = take_byte(unpack);
    if (unpack->bad || out->size > CHANNEL_JOINS_MAX)
        return false;
    out->topics = arena_array(arena, out->size, sizeof *out->topics);
    for (size_t i = 0; i < out->size && !unpack->bad; i++)
        take_topic(unpack, arena, out);
    return !unpack->bad && unpack->len == 0;
}

/* Under any of our keys; all are tried, so that time tells nothing. */
static bool signed_by_us(const struct config *config, const unsigned char *mac, const void *bytes, size_t len)
{
    bool good = false;
    for (size_t i = 0; i < config->key_count; i++) {
        unsigned char ours[SECRET_BYTES];
        secret_mac(&config->keys[i], CURSOR_PURPOSE, bytes, len, ours);
        good |= sodium_memcmp(ours, mac, sizeof ours) == 0;
    }
    return good;
}

bool cursor_read(const struct config *config, struct arena *arena, struct text token, int64_t now, struct cursor *out)
{
    size_t len = 0;
    if (token.len > CURSOR_TOKEN_MAX || token.len < SECRET_BYTES)
        return false;
    unsigned char *bytes = arena_alloc(arena, SECRET_BYTES + BYTES_MAX);
    if (!text_unbase64url(token, bytes, SECRET_BYTES + BYTES_MAX, &len) || len <= SECRET_BYTES)
        return false;
    struct unpack unpack = { .at = bytes + SECRET_BYTES, .len = len - SECRET_BYTES };
    return signed_by_us(config, bytes, unpack.at, unpack.len) && take_cursor(&unpack, arena, out) &&
           out->issued_at <= now + CLOCKS_APART && out->expires_at > now;
}
