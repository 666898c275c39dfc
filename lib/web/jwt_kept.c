#include "web/jwt_kept.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "base/arena.h"

/* A token of ours has about 400 bytes, with a long name of a guest more. */
enum { PLACES = 64, TOKEN_MOST = 1024, CLAIMS_MOST = 640 };

/* The texts in `verified` point into `claims`. */
static struct place {
    const struct config *config; /* NULL: empty */
    size_t len;
    struct jwt_verified verified;
    char token[TOKEN_MOST], claims[CLAIMS_MOST];
} places[PLACES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned char secret[crypto_shorthash_KEYBYTES];

static void draw_secret(void)
{
    randombytes_buf(secret, sizeof secret);
}

/* By a keyed hash: nobody can choose a token that pushes out another's. Where a token stands says nothing about whether
 * it holds: that is the comparison with the whole of it. */
static struct place *place_of(struct text token)
{
    unsigned char hash[crypto_shorthash_BYTES];
    pthread_once(&once, draw_secret);
    crypto_shorthash(hash, (const unsigned char *)token.at, token.len, secret);
    return &places[hash[0] % PLACES];
}

static bool holds(const struct place *place, const struct config *config, struct text token)
{
    return place->config && place->config == config && place->len == token.len &&
           sodium_memcmp(place->token, token.at, token.len) == 0;
}

bool jwt_kept_find(const struct config *config, struct arena *arena, struct text token, struct jwt_verified *out)
{
    if (token.len == 0 || token.len > TOKEN_MOST)
        return false;
    const struct place *place = place_of(token);
    pthread_mutex_lock(&lock);
    bool found = holds(place, config, token);
    if (found) {
        struct jwt_claims *claims = &out->claims;
        *out = place->verified;
        claims->jti = text_copy(arena, claims->jti);
        claims->sub = text_copy(arena, claims->sub);
        claims->name = text_copy(arena, claims->name);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* Copy a text behind those that are there. */
static struct text put(struct place *place, size_t *used, struct text text)
{
    char *at = place->claims + *used;
    memcpy(at, text.at, text.len);
    *used += text.len;
    return (struct text){ at, text.len };
}

void jwt_kept_keep(const struct config *config, struct text token, const struct jwt_verified *verified)
{
    const struct jwt_claims *claims = &verified->claims;
    size_t used = 0, claims_len = claims->jti.len + claims->sub.len + claims->name.len;
    if (token.len == 0 || token.len > TOKEN_MOST || claims_len > CLAIMS_MOST)
        return;
    struct place *place = place_of(token);
    pthread_mutex_lock(&lock);
    sodium_memzero(place, sizeof *place);
    place->verified = *verified;
    place->verified.claims.jti = put(place, &used, claims->jti);
    place->verified.claims.sub = put(place, &used, claims->sub);
    place->verified.claims.name = put(place, &used, claims->name);
    memcpy(place->token, token.at, place->len = token.len);
    place->config = config;
    pthread_mutex_unlock(&lock);
}

void jwt_kept_drop(const struct config *config, struct text token)
{
    if (token.len == 0 || token.len > TOKEN_MOST)
        return;
    struct place *place = place_of(token);
    pthread_mutex_lock(&lock);
    if (holds(place, config, token))
        sodium_memzero(place, sizeof *place);
    pthread_mutex_unlock(&lock);
}
