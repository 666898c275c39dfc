/* libjwt signs; what comes back is judged here, on our own strict reading of header and claims (libjwt looks at no
 * claim and lets much pass). */
#include "web/jwt.h"

#include <jansson.h>
#include <jwt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "web/json_depth.h"
#include "web/jwt_kept.h"
#include "web/secret.h"

enum { CLOCK_SLACK = 60 };

/* In base64url; ours has alg, typ and a kid. All that is read before the signature, so it is kept small. */
enum { HEADER_MAX = 512, HEADER_USUAL = 128, KID_MAX = 32 };

/* Explicit typing (RFC 8725 3.11) by a claim of this name: the header's own typ is always written as "JWT" by libjwt.
 */
static const struct {
    enum jwt_kind kind;
    const char *name;
} types[] = { { JWT_SESSION, "session" }, { JWT_GUEST, "guest" }, { JWT_API, "api" } };

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

static const char *type_name(enum jwt_kind kind)
{
    size_t i = 0;
    while (i < TYPE_COUNT && types[i].kind != kind)
        i++;
    must(i < TYPE_COUNT);
    return types[i].name;
}

/* The kind of that name. */
static bool read_type(struct text name, enum jwt_kind *out)
{
    for (size_t i = 0; i < TYPE_COUNT; i++)
        if (text_is(name, types[i].name)) {
            *out = types[i].kind;
            return true;
        }
    return false;
}

static void free_token(void *token)
{
    jwt_free(token);
}

static void free_string(void *string)
{
    sodium_memzero(string, strlen(string));
    free(string);
}

static void free_json(void *json)
{
    json_decref(json);
}

struct text jwt_id_new(struct arena *arena)
{
    unsigned char bytes[JWT_ID_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    struct text id = text_base64url(arena, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    return id;
}

static void grant(jwt_t *token, struct arena *arena, const char *claim, struct text value)
{
    if (value.len)
        must(jwt_add_grant(token, claim, text_string(arena, value)) == 0);
}

struct text jwt_sign(const struct config *config, struct arena *arena, enum jwt_kind kind,
                     const struct jwt_claims *claims)
{
    must(config->key_count > 0);
    jwt_t *token = NULL;
    must(jwt_new(&token) == 0);
    arena_own(arena, token, free_token);
    must(jwt_set_alg(token, JWT_ALG_HS256, config->keys[0].bytes, CONFIG_KEY_BYTES) == 0);
    must(jwt_add_header(token, "kid", text_string(arena, config->keys[0].kid)) == 0);
    grant(token, arena, "iss", text_of(config->site_url));
    grant(token, arena, "aud", text_of(config->site_url));
    grant(token, arena, "typ", text_of(type_name(kind)));
    grant(token, arena, "jti", claims->jti);
    grant(token, arena, "sub", claims->sub);
    grant(token, arena, "name", claims->name);
    must(jwt_add_grant_int(token, "iat", (long)claims->iat) == 0);
    must(jwt_add_grant_int(token, "nbf", (long)claims->iat) == 0);
    must(jwt_add_grant_int(token, "exp", (long)claims->exp) == 0);
    char *encoded = jwt_encode_str(token);
    must(encoded != NULL);
    return text_of(arena_own(arena, encoded, free_string));
}

/* The JSON object in a base64url segment: strict, no name twice. NULL: it is not one. */
static json_t *read_segment(struct arena *arena, struct text segment)
{
    unsigned char *bytes = arena_alloc(arena, segment.len + 1);
    size_t len;
    if (!text_unbase64url(segment, bytes, segment.len, &len) || !json_shallow((struct text){ (char *)bytes, len }))
        return NULL;
    json_t *json = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    arena_own(arena, json, free_json);
    return json_is_object(json) ? json : NULL;
}

/* A claim that must be a string of 1..max bytes. */
static bool read_string(const json_t *object, const char *name, size_t max, struct text *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) > max)
        return false;
    *out = (struct text){ json_string_value(value), json_string_length(value) };
    return true;
}

static bool read_optional(const json_t *object, const char *name, size_t max, struct text *out)
{
    *out = TEXT("");
    return !json_object_get(object, name) || read_string(object, name, max, out);
}

static bool read_time(const json_t *object, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) <= 0)
        return false;
    *out = json_integer_value(value);
    return true;
}

/* RFC 8725 3.1, 3.10: the algorithm is ours to fix; the key is looked up in our own list. */
static const struct config_key *judge_header(const struct config *config, const json_t *header)
{
    struct text alg, kid;
    if (!header || json_object_get(header, "crit") || !read_string(header, "alg", 16, &alg) || !text_is(alg, "HS256") ||
        !read_string(header, "kid", KID_MAX, &kid))
        return NULL;
    return config_key_find(config, kid);
}

/* The headers of our own tokens are one text for each key, so the last that passed need not be read again. */
static const struct config_key *key_of(const struct config *config, struct arena *arena, struct text head)
{
    static _Thread_local struct {
        char head[HEADER_USUAL], kid[KID_MAX];
        size_t head_len, kid_len;
    } last;
    if (last.head_len && text_equal(head, (struct text){ last.head, last.head_len }))
        return config_key_find(config, (struct text){ last.kid, last.kid_len });
    const struct config_key *key = judge_header(config, read_segment(arena, head));
    if (key && head.len <= sizeof last.head && key->kid.len <= sizeof last.kid) {
        memcpy(last.head, head.at, last.head_len = head.len);
        memcpy(last.kid, key->kid.at, last.kid_len = key->kid.len);
    }
    return key;
}

/* HMAC-SHA256 over everything before the second dot (RFC 7515 5.2), compared in constant time. By libsodium: libjwt
 * would parse the whole token once more, and takes the algorithm from it. */
static bool signature_holds(struct text token, struct text signature, const struct config_key *key)
{
    unsigned char came[SECRET_BYTES], ours[SECRET_BYTES];
    size_t len, signed_len = (size_t)(signature.at - token.at) - 1;
    if (!text_unbase64url(signature, came, sizeof came, &len) || len != sizeof came)
        return false;
    secret_mac(key, "", token.at, signed_len, ours);
    return sodium_memcmp(came, ours, sizeof ours) == 0;
}

/* What says no more tomorrow than today. */
static bool read_claims(const struct config *config, const json_t *payload, struct jwt_verified *out)
{
    struct jwt_claims *claims = &out->claims;
    struct text iss, aud, typ;
    return payload && read_string(payload, "iss", 512, &iss) && text_is(iss, config->site_url) &&
           read_string(payload, "aud", 512, &aud) && text_is(aud, config->site_url) &&
           read_string(payload, "typ", 32, &typ) && read_type(typ, &claims->kind) &&
           read_string(payload, "jti", 64, &claims->jti) && read_optional(payload, "sub", 64, &claims->sub) &&
           read_optional(payload, "name", 512, &claims->name) && read_time(payload, "iat", &claims->iat) &&
           read_time(payload, "nbf", &out->nbf) && read_time(payload, "exp", &claims->exp);
}

/* What does, and what depends on who asks: of a kept token as of any. */
static bool judge(const struct jwt_verified *verified, unsigned kinds, int64_t now)
{
    const struct jwt_claims *claims = &verified->claims;
    return (claims->kind & kinds) && claims->iat <= now + CLOCK_SLACK && verified->nbf <= now + CLOCK_SLACK &&
           claims->exp > now;
}

/* Shape, key and signature first; only what they vouch for is parsed. */
static bool read_token(const struct config *config, struct arena *arena, struct text token, struct jwt_verified *out)
{
    if (token.len == 0 || token.len > JWT_MAX || text_has_nul(token))
        return false;
    struct text rest = token, head = text_split(&rest, '.'), body = text_split(&rest, '.');
    if (head.len == 0 || head.len > HEADER_MAX || body.len == 0 || rest.len == 0 || memchr(rest.at, '.', rest.len))
        return false;
    const struct config_key *key = key_of(config, arena, head);
    return key && signature_holds(token, rest, key) && read_claims(config, read_segment(arena, body), out);
}

bool jwt_verify(const struct config *config, struct arena *arena, unsigned kinds, struct text token, int64_t now,
                struct jwt_claims *out)
{
    struct jwt_verified verified = { 0 };
    bool kept = jwt_kept_find(config, arena, token, &verified);
    if (!kept && !read_token(config, arena, token, &verified))
        return false;
    bool good = judge(&verified, kinds, now);
    if (kept && verified.claims.exp <= now)
        jwt_kept_drop(config, token);
    else if (good && !kept)
        jwt_kept_keep(config, token, &verified);
    if (good)
        *out = verified.claims;
    return good;
}
