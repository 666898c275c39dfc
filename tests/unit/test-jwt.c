/* A battery of forged tokens (SECURITY 3). Most are signed with the right key: what libjwt alone would let pass. */
#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include <jwt.h>
#include <sodium.h>

#include "base/arena.h"
#include "web/jwt.h"

#define HEADER  "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"a\"}"
#define SITE    "\"iss\":\"" SETTINGS_URL "\",\"aud\":\"" SETTINGS_URL "\""
#define REST    "\"typ\":\"guest\",\"jti\":\"secret\",\"sub\":\"me\",\"name\":\"Bo\""
#define TIMES   "\"iat\":1800000000,\"nbf\":1800000000,\"exp\":1800003600"
#define PAYLOAD "{" SITE "," REST "," TIMES "}"

static const int64_t now = 1800000000;

static struct arena *arena;
static const struct config *config;

static bool holds(struct text token)
{
    struct jwt_claims claims;
    return jwt_verify(config, arena, JWT_GUEST, edge_text(token), now, &claims);
}

static struct text encode(struct text text)
{
    return text_base64url(arena, text.at, text.len);
}

/* A token of any bytes, rightly signed by HMAC-SHA256 under key a. */
static struct text sign(struct text header, struct text payload)
{
    unsigned char mac[32];
    char *head = arena_printf(arena, "%s.%s", encode(header).at, encode(payload).at);
    crypto_auth_hmacsha256(mac, (unsigned char *)head, strlen(head), config->keys[0].bytes);
    return text_of(arena_printf(arena, "%s.%s", head, text_base64url(arena, mac, sizeof mac).at));
}

static struct text forge(const char *header, const char *payload)
{
    return sign(text_of(header), text_of(payload));
}

static void refuses(struct text token, const char *why)
{
    ok(!holds(token), "refused: %s", why);
}

static void test_good(void)
{
    struct jwt_claims in = { .jti = jwt_id_new(arena),
                             .sub = TEXT("me"),
                             .name = TEXT("Zo\xC3\xAB"),
                             .iat = now,
                             .exp = now + 10 },
                      out;
    struct text token = jwt_sign(config, arena, JWT_GUEST, &in);
    ok(in.jti.len == 43 && !text_equal(in.jti, jwt_id_new(arena)), "an id is 32 random bytes");
    ok(jwt_verify(config, arena, JWT_GUEST, edge_text(token), now, &out) && text_equal(out.jti, in.jti) &&
           text_is(out.sub, "me") && text_is(out.name, "Zo\xC3\xAB") && out.iat == now && out.exp == now + 10,
       "what was signed is read back");
    ok(holds(forge(HEADER, PAYLOAD)), "as is a token that somebody else made with our key");
    ok(holds(forge(HEADER, "{" SITE "," REST "," TIMES ",\"more\":[1,{\"a\":null}]}")),
       "with claims that mean nothing to us");
    ok(!jwt_verify(config, arena, JWT_SESSION, token, now, &out), "a guest's is no session's");
    token = jwt_sign(config, arena, JWT_SESSION, &in);
    ok(jwt_verify(config, arena, JWT_SESSION, token, now, &out) && !holds(token), "nor the other way round");
}

static void test_algorithms(void)
{
    static const char *const none[] = { "none",  "None",  "NONE",  "nOnE",  "none ", " none", "HS256 ", "hs256",
                                        "HS512", "HS384", "RS256", "ES256", "PS256", "EdDSA", "" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        const char *header = arena_printf(arena, "{\"alg\":\"%s\",\"kid\":\"a\"}", none[i]);
        struct text token = forge(header, PAYLOAD), rest = token;
        ok(!holds(token), "refused: alg \"%s\", signed by HS256", none[i]);
        rest.len = (size_t)((const char *)memrchr(token.at, '.', token.len) - token.at);
        ok(!holds(rest) && !holds((struct text){ token.at, rest.len + 1 }), "and without signature");
    }
    refuses(forge("{\"kid\":\"a\"}", PAYLOAD), "no alg");
    refuses(forge("{\"alg\":null,\"kid\":\"a\"}", PAYLOAD), "alg null");
    refuses(forge("{\"alg\":[\"HS256\"],\"kid\":\"a\"}", PAYLOAD), "alg a list");
    refuses(forge("{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"a\"}", PAYLOAD), "alg twice");
    refuses(forge("{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"a\"}", PAYLOAD), "the same alg twice");
    refuses(forge("{\"alg\":\"HS256\",\"\\u0061lg\":\"none\",\"kid\":\"a\"}", PAYLOAD), "alg twice, once in escapes");
}

/* Signed by libjwt itself with the right key and another algorithm of its family. */
static struct text sign_as(jwt_alg_t alg)
{
    jwt_t *token = NULL;
    if (jwt_new(&token) || jwt_set_alg(token, alg, config->keys[0].bytes, CONFIG_KEY_BYTES) ||
        jwt_add_header(token, "kid", "a") || jwt_add_grants_json(token, PAYLOAD))
        abort();
    char *encoded = jwt_encode_str(token);
    struct text text = text_copy(arena, text_of(encoded));
    free(encoded);
    jwt_free(token);
    return text;
}

static void test_keys(void)
{
    ok(holds(sign_as(JWT_ALG_HS256)), "libjwt signs as we do");
    refuses(sign_as(JWT_ALG_HS384), "HS384 under our key");
    refuses(sign_as(JWT_ALG_HS512), "HS512 under our key");
    static const char *const kids[] = { "c", "", "A", "a ", "../a", "/dev/null", "a' or 1=1 --", "a\\u0000", "b" };
    for (size_t i = 0; i < sizeof kids / sizeof kids[0]; i++)
        refuses(forge(arena_printf(arena, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[i]), PAYLOAD), kids[i]);
    refuses(forge("{\"alg\":\"HS256\"}", PAYLOAD), "no kid");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":0}", PAYLOAD), "kid a number");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":[\"a\"]}", PAYLOAD), "kid a list");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":\"c\",\"kid\":\"a\"}", PAYLOAD), "kid twice");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":\"a\",\"crit\":[\"exp\"]}", PAYLOAD), "crit");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":\"a\",\"crit\":[]}", PAYLOAD), "crit, empty");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":\"a\",\"crit\":null}", PAYLOAD), "crit, null");
    ok(holds(
           forge("{\"alg\":\"HS256\",\"kid\":\"a\",\"jku\":\"https://evil.example\",\"jwk\":{\"k\":\"AA\"}}", PAYLOAD)),
       "keys that a token brings are not looked at");
    const struct config *ours = config;
    config = settings_keys(arena, SETTINGS_KEY_C);
    struct text foreign = forge("{\"alg\":\"HS256\",\"kid\":\"a\"}", PAYLOAD);
    config = ours;
    refuses(foreign, "signed with another key under our kid");
    config = settings_keys(arena, SETTINGS_KEY_A " " SETTINGS_KEY_B);
    ok(holds(forge(HEADER, PAYLOAD)), "every key of ours is known");
    refuses(forge("{\"alg\":\"HS256\",\"kid\":\"b\"}", PAYLOAD), "signed with one key under the kid of the other");
    config = ours;
}

static void test_claims(void)
{
    static const char *const payloads[] = {
        "",
        "{}",
        "null",
        "[]",
        "[" PAYLOAD "]",
        "\"text\"",
        "1",
        "{",
        PAYLOAD "x",
        PAYLOAD PAYLOAD,
        "{" SITE "," REST "}",
        "{" REST "," TIMES "}",
        "{\"iss\":\"" SETTINGS_URL "\"," REST "," TIMES "}",
        "{\"aud\":\"" SETTINGS_URL "\"," REST "," TIMES "}",
        "{\"iss\":\"https://chat.example.org\",\"aud\":\"" SETTINGS_URL "\"," REST "," TIMES "}",
        "{\"iss\":\"" SETTINGS_URL "\",\"aud\":\"https://evil.example/\"," REST "," TIMES "}",
        "{\"iss\":\"" SETTINGS_URL "\",\"aud\":[\"" SETTINGS_URL "\"]," REST "," TIMES "}",
        "{" SITE ",\"jti\":\"secret\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"session\",\"jti\":\"secret\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"Guest\",\"jti\":\"secret\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":7,\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"secret\",\"sub\":7," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"secret\",\"sub\":\"\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"secret\",\"sub\":null," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"secret\",\"sub\":\"me\",\"name\":[]," TIMES "}",
        "{" SITE ",\"sub\":\"you\"," REST "," TIMES "}",
        "{" SITE "," REST "," TIMES ",\"exp\":1900000000}",
        "{" SITE "," REST "," TIMES ",\"more\":{\"a\":1,\"a\":2}}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"se\\u0000cret\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"\xFF\",\"sub\":\"me\"," TIMES "}",
        "{" SITE ",\"typ\":\"guest\",\"jti\":\"\\ud800\",\"sub\":\"me\"," TIMES "}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        refuses(forge(HEADER, payloads[i]), payloads[i]);
    refuses(sign(TEXT(HEADER), TEXT(PAYLOAD "\0")), "a payload with a NUL behind");
    refuses(sign(TEXT(HEADER "\0"), TEXT(PAYLOAD)), "a header with a NUL behind");
    refuses(forge("[" HEADER "]", PAYLOAD), "a header that is a list");
}

static struct text timed(const char *iat, const char *nbf, const char *exp)
{
    return forge(HEADER, arena_printf(arena, "{" SITE "," REST "%s%s%s}", iat, nbf, exp));
}

static void test_times(void)
{
    static const char iat[] = ",\"iat\":1800000000", nbf[] = ",\"nbf\":1800000000", exp[] = ",\"exp\":1800000001";
    ok(holds(timed(iat, nbf, exp)), "a token is good before it expires");
    refuses(timed(iat, nbf, ",\"exp\":1800000000"), "expired this second");
    refuses(timed("", nbf, exp), "no iat");
    refuses(timed(iat, "", exp), "no nbf");
    refuses(timed(iat, nbf, ""), "no exp");
    ok(holds(timed(",\"iat\":1800000060", ",\"nbf\":1800000060", exp)),
       "a minute of difference between clocks is allowed");
    refuses(timed(",\"iat\":1800000061", nbf, exp), "iat in the future");
    refuses(timed(iat, ",\"nbf\":1800000061", exp), "nbf in the future");
    static const char *const wrong[] = {
        "\"1900000000\"",      "1900000000.0", "1e10", "1e300", "null", "true", "-1", "0", "[]", "{}",
        "9223372036854775808", "1e99999"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ok(!holds(timed(iat, nbf, arena_printf(arena, ",\"exp\":%s", wrong[i]))), "refused: exp %s", wrong[i]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ok(!holds(timed(arena_printf(arena, ",\"iat\":%s", wrong[i]), nbf, exp)) &&
               !holds(timed(iat, arena_printf(arena, ",\"nbf\":%s", wrong[i]), exp)),
           "and iat, nbf");
    ok(holds(timed(iat, nbf, ",\"exp\":9223372036854775807")), "the largest time overflows nothing");
    refuses(timed(",\"iat\":9223372036854775807", nbf, exp), "nor does it as iat");
}

static void test_shape(void)
{
    struct text good = forge(HEADER, PAYLOAD);
    int flipped = 0, cut = 0;
    for (size_t i = 0; i < good.len; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct text forged = text_copy(arena, good);
            *(char *)(forged.at + i) = (char)(good.at[i] ^ 1 << bit);
            flipped += holds(forged);
        }
    ok(flipped == 0, "no token with a flipped bit holds");
    for (size_t i = 0; i < good.len; i++)
        cut += holds((struct text){ good.at, i }) + holds((struct text){ good.at + i + 1, good.len - i - 1 });
    ok(cut == 0, "none that was cut holds, from either end");
    static const char *const formats[] = { "%s=", "%s==", "%s.",  ".%s", "%s.%s",
                                           "%s ", " %s",  "%s\n", "%sA", "Bearer %s" };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        ok(!holds(text_of(arena_printf(arena, formats[i], good.at, good.at))), "refused: %s", formats[i]);
#pragma GCC diagnostic pop
    static const char *const shapes[] = { "", ".", "..", "...", "a", "a.b", "a.b.c", "....", "e30.e30.e30" };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        ok(!holds(text_of(shapes[i])), "refused: \"%s\"", shapes[i]);
    struct text nul = { arena_copy(arena, good.at, good.len + 1), good.len + 1 };
    refuses(nul, "a NUL behind it");
}

static struct text named(size_t len)
{
    char *more = arena_alloc(arena, len + 1);
    memset(more, 'x', len);
    return forge(HEADER, arena_printf(arena, "{" SITE "," REST "," TIMES ",\"more\":\"%s\"}", more));
}

static void test_size(void)
{
    size_t len = 1;
    while (named(len + 1).len <= JWT_MAX)
        len++;
    ok(named(len).len <= JWT_MAX && holds(named(len)), "a token may be as long as %d bytes", JWT_MAX);
    refuses(named(len + 1), "one longer");
    refuses(named(1 << 20), "a megabyte");
    char *more = arena_alloc(arena, 401);
    memset(more, 'x', 400);
    refuses(forge(arena_printf(arena, "{\"alg\":\"HS256\",\"kid\":\"a\",\"more\":\"%s\"}", more), PAYLOAD),
            "a header that is longer than any of ours");
    char *deep = arena_alloc(arena, 3001);
    memset(deep, '[', 3000);
    refuses(forge(HEADER, arena_printf(arena, "{\"a\":%s", deep)), "a payload that is very deep");
    deep[31] = '\0';
    char *up = arena_alloc(arena, 32);
    memset(up, ']', 31);
    ok(holds(forge(HEADER, arena_printf(arena, "{" SITE "," REST "," TIMES ",\"more\":%s%s}", deep, up))),
       "thirty-two deep is not too deep");
    refuses(forge(HEADER, arena_printf(arena, "{" SITE "," REST "," TIMES ",\"more\":[%s%s]}", deep, up)),
            "thirty-three deep");
    refuses(forge(arena_printf(arena, "{\"alg\":\"HS256\",\"kid\":\"a\",\"more\":[%s%s]}", deep, up), PAYLOAD),
            "and in the header");
    struct jwt_claims claims = { .jti = TEXT("j"), .sub = TEXT("s"), .iat = now, .exp = now + 1 };
    char *name = arena_alloc(arena, 241);
    for (int i = 0; i < 60; i++)
        memcpy(name + 4 * i, "\xF0\x9F\x98\x80", 4);
    claims.name = text_of(name);
    struct text token = jwt_sign(config, arena, JWT_GUEST, &claims);
    ok(holds(token) && token.len < 4000, "the longest name fits into a cookie");
}

/* Whether it holds for that kind at that time. */
static bool holds_then(struct text token, unsigned kinds, int64_t then)
{
    struct jwt_claims claims;
    return jwt_verify(config, arena, kinds, edge_text(token), then, &claims);
}

/* One that was verified is not verified again, but judged. */
static void test_kept(void)
{
    struct jwt_claims in = { .jti = jwt_id_new(arena), .sub = TEXT("me"), .iat = now, .exp = now + 10 }, out;
    in.name = TEXT("Zo\xC3\xAB");
    struct text token = jwt_sign(config, arena, JWT_GUEST, &in);
    ok(holds_then(token, JWT_GUEST, now) &&
           jwt_verify(config, arena, JWT_GUEST | JWT_SESSION, edge_text(token), now + 9, &out) &&
           out.kind == JWT_GUEST && text_equal(out.jti, in.jti) && text_is(out.sub, "me") &&
           text_equal(out.name, in.name) && out.iat == now && out.exp == now + 10,
       "a token says the second time what it said the first");
    ok(!holds_then(token, JWT_SESSION | JWT_API, now), "it is of no other kind then");
    ok(!holds_then(token, JWT_GUEST, now - 61), "and is refused while it is not yet good");
    ok(holds_then(token, JWT_GUEST, now), "which changes nothing");
    ok(!holds_then(token, JWT_GUEST, now + 10), "it is refused as soon as it expired");
    ok(!holds_then(token, JWT_GUEST, now + 11) && holds_then(token, JWT_GUEST, now + 9),
       "and judged from the beginning after that");
    const struct config *ours = config;
    config = settings_keys(arena, SETTINGS_KEY_B);
    ok(!holds(token), "under other keys it does not hold");
    config = settings(arena, "[site]\nurl = https://other.example.org/\n[session]\nkeys = " SETTINGS_KEY_A "\n");
    ok(!holds(token), "nor on another site");
    config = ours;
}

/* A verified token vouches for no other. */
static void test_kept_forged(void)
{
    struct text good = forge(HEADER, PAYLOAD), rest = good, head = text_split(&rest, '.'),
                body = text_split(&rest, '.');
    int changed = 0, cut = 0;
    for (size_t i = 0; i < good.len; i++) {
        struct text forged = text_copy(arena, good);
        *(char *)(forged.at + i) = good.at[i] == 'A' ? 'B' : 'A';
        changed += !holds(good) + holds(forged) + holds(forged);
    }
    ok(changed == 0, "beside a good one, none with a changed byte holds, and not when it comes again");
    for (size_t i = 0; i < good.len; i++)
        cut += !holds(good) + holds((struct text){ good.at, i });
    ok(cut == 0, "nor one that was cut");
    static const char *const none[] = { "none", "None", "NONE", "HS512", "" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct text header = encode(text_of(arena_printf(arena, "{\"alg\":\"%s\",\"kid\":\"a\"}", none[i])));
        struct text bare = text_of(arena_printf(arena, "%s.%.*s.", header.at, TEXT_ARGS(body)));
        struct text with = text_of(arena_printf(arena, "%s%.*s", bare.at, TEXT_ARGS(rest)));
        ok(holds(good) && !holds(bare) && !holds(with), "nor its claims under alg \"%s\"", none[i]);
    }
    struct text other = forge(HEADER, "{" SITE "," TIMES ",\"typ\":\"guest\",\"jti\":\"other\",\"sub\":\"you\"}");
    struct text mixed = text_of(arena_printf(arena, "%.*s.%.*s%.*s", TEXT_ARGS(head), TEXT_ARGS(body),
                                             (int)(good.at + good.len - rest.at), strrchr(other.at, '.')));
    ok(holds(good) && holds(other) && !holds(mixed), "nor its claims under the signature of another");
}

/* More than are kept, in an order in which each pushes out others: what one says is never what another said. */
static void test_kept_many(void)
{
    enum { MANY = 300 };
    static struct text tokens[MANY], names[MANY];
    int wrong = 0;
    for (int i = 0; i < MANY; i++) {
        names[i] = text_of(arena_printf(arena, "person-%d", i));
        struct jwt_claims claims = { .jti = jwt_id_new(arena), .sub = names[i], .iat = now, .exp = now + 10 };
        tokens[i] = jwt_sign(config, arena, i % 2 ? JWT_SESSION : JWT_API, &claims);
    }
    for (int i = 0; i < 10 * MANY; i++) {
        struct jwt_claims out;
        int at = i * 7 % MANY / (i % 3 + 1);
        wrong += !jwt_verify(config, arena, JWT_SESSION | JWT_API, tokens[at], now, &out) ||
                 !text_equal(out.sub, names[at]) || out.kind != (at % 2 ? JWT_SESSION : JWT_API);
        wrong += holds_then(tokens[at], at % 2 ? JWT_API : JWT_SESSION, now);
    }
    ok(wrong == 0, "many tokens each say what they say");
}

int main(void)
{
    arena = arena_new();
    config = settings_keys(arena, SETTINGS_KEY_A);
    test_good();
    test_algorithms();
    test_keys();
    test_claims();
    test_times();
    test_shape();
    test_size();
    test_kept();
    test_kept_forged();
    test_kept_many();
    arena_free(&arena);
    return done();
}
