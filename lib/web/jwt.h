/* Our own signed tokens (JWT, RFC 7519, under the rules of RFC 8725): HS256 and nothing else, keys chosen by kid among
 * our own. jwt.c is the only file that touches libjwt.
 */
#ifndef CONFAB_WEB_JWT_H
#define CONFAB_WEB_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct arena;
struct config;

/* What a token is for; its `typ` says so, and none passes for another. (Bits, so that a caller can take one of two.) */
enum jwt_kind { JWT_SESSION = 1, JWT_GUEST = 2, JWT_API = 4 };

enum { JWT_MAX = 4096, JWT_ID_BYTES = 32 };

struct jwt_claims {
    enum jwt_kind kind; /* of one that was verified */
    struct text jti;    /* 32 random bytes in base64url: a secret, it names the session */
    struct text sub;    /* whose it is; a guest's public id */
    struct text name;   /* a guest's name for the next visit; may be empty */
    int64_t iat, exp;   /* seconds since 1970 */
};

/* A fresh jti in the arena. */
struct text jwt_id_new(struct arena *);

/* Sign with the first key of session.keys. The token lives in the arena. */
struct text jwt_sign(const struct config *, struct arena *, enum jwt_kind, const struct jwt_claims *);

/* True only if everything holds: size, shape, our algorithm, a known key, signature, types, no duplicate names, typ
 * (one of the kinds), iss, aud, nbf, exp (now in seconds), jti. *out lives in the arena. */
bool jwt_verify(const struct config *, struct arena *, unsigned kinds, struct text token, int64_t now,
                struct jwt_claims *out) __attribute__((warn_unused_result));

#endif
