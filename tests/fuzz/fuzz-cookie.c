/* Any bytes as a Cookie header, and the token in it. Bytes with a newline are a token's header and payload instead,
 * which are signed with the right key first, so that the judging of claims is reached. */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "web/cookie.h"
#include "web/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const int64_t now = 1800000000;

static const struct config *settings(void)
{
    static const char text[] = "[site]\nurl = https://chat.example.org/\n"
                               "[session]\nkeys = a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\n";
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

static void verify(struct arena *arena, struct text token)
{
    struct jwt_claims claims;
    for (enum jwt_kind kind = JWT_SESSION; kind <= JWT_GUEST; kind++)
        if (jwt_verify(settings(), arena, kind, token, now, &claims)) {
            must(token.len <= JWT_MAX && claims.exp > now && claims.iat > 0 && claims.iat <= now + 60);
            must(claims.jti.len > 0 && claims.jti.len <= 64 && claims.sub.len <= 64 && claims.name.len <= 512);
            must(!text_has_nul(claims.jti) && !text_has_nul(claims.sub) && !text_has_nul(claims.name));
        }
}

static struct text sign(struct arena *arena, struct text header, struct text payload)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    const char *head = arena_printf(arena, "%s.%s", text_base64url(arena, header.at, header.len).at,
                                    text_base64url(arena, payload.at, payload.len).at);
    crypto_auth_hmacsha256(mac, (const unsigned char *)head, strlen(head), settings()->keys[0].bytes);
    return text_of(arena_printf(arena, "%s.%s", head, text_base64url(arena, mac, sizeof mac).at));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena *arena = arena_new();
    struct text input = { (const char *)bytes, len }, token;
    if (len && memchr(bytes, '\n', len)) {
        struct text header = text_split(&input, '\n');
        verify(arena, sign(arena, header, input));
    } else if (cookie_find(settings(), input, &token)) {
        verify(arena, token);
    }
    arena_free(&arena);
    return 0;
}
