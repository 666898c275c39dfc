/* Any bytes as the token of a long poll, and as what a token signs: they are signed with the right key as well, so that
 * the reading of its shape is reached. What can be read is written again to the same bytes. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "live/channel.h"
#include "live/cursor.h"
#include "web/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct config *settings(void)
{
    static const char text[] = "[session]\nkeys = a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\n";
    static struct arena *arena;
    static const struct config *config;
    const char *error = NULL;
    if (config)
        return config;
    must(sodium_init() >= 0);
    arena = arena_new();
    config = config_parse(arena, "settings", text_of(text), &error);
    must(config != NULL);
    return config;
}

static struct text sign(struct arena *arena, const uint8_t *bytes, size_t len)
{
    unsigned char *whole = arena_alloc(arena, SECRET_BYTES + len);
    if (len)
        memcpy(whole + SECRET_BYTES, bytes, len);
    secret_mac(&settings()->keys[0], CURSOR_PURPOSE, whole + SECRET_BYTES, len, whole);
    return text_base64url(arena, whole, SECRET_BYTES + len);
}

/* The times are the token's own: it is read as of the moment when it was made. */
static int64_t made_at(const uint8_t *bytes, size_t len)
{
    size_t at = 1 + 16 + 1 + (len > 17 && bytes[17] & 1 ? 32 : 12);
    uint64_t seconds = 0;
    for (size_t i = 0; i < 8 && at + i < len; i++)
        seconds = seconds << 8 | bytes[at + i];
    return (int64_t)(seconds % (UINT64_C(1) << 60));
}

static void read_signed(struct arena *arena, const uint8_t *bytes, size_t len)
{
    struct cursor cursor;
    struct text token = sign(arena, bytes, len);
    int64_t now = made_at(bytes, len);
    if (!cursor_read(settings(), arena, token, now, &cursor))
        return;
    must(token.len <= CURSOR_TOKEN_MAX && cursor.count <= CHANNEL_JOINS_MAX && strlen(cursor.sid) == CURSOR_SID_LEN);
    for (size_t i = 0; i < cursor.count; i++)
        must(cursor.topics[i].room_id > 0 && cursor.topics[i].rev >= 0 &&
             cursor_find(&cursor, cursor.topics[i].topic) == &cursor.topics[i]);
    int64_t expires_at = cursor.expires_at;
    struct text again = cursor_token(settings(), arena, &cursor, now);
    must(again.len == token.len && (expires_at != cursor.expires_at || text_equal(again, token)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena *arena = arena_new();
    struct cursor cursor;
    bool held = cursor_read(settings(), arena, (struct text){ (const char *)bytes, len }, 0, &cursor);
    (void)held; /* of bytes that nobody signed there is nothing to say but that they do no harm */
    if (len < CURSOR_TOKEN_MAX)
        read_signed(arena, bytes, len);
    arena_free(&arena);
    return 0;
}
