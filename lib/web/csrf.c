#include "web/csrf.h"

#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "web/secret.h"
#include "web/session.h"

enum { NONCE_BYTES = 16, TOKEN_BYTES = NONCE_BYTES + SECRET_BYTES, SECRET_MAX = 64 };

/* token = nonce, HMAC(nonce, the session's secret) */
static void seal(const struct config_key *key, const struct session *session, unsigned char token[TOKEN_BYTES])
{
    unsigned char data[NONCE_BYTES + SECRET_MAX];
    must(session->secret.len > 0 && session->secret.len <= SECRET_MAX);
    memcpy(data, token, NONCE_BYTES);
    memcpy(data + NONCE_BYTES, session->secret.at, session->secret.len);
    secret_mac(key, "csrf", data, NONCE_BYTES + session->secret.len, token + NONCE_BYTES);
    sodium_memzero(data, sizeof data);
}

struct text csrf_token(const struct config *config, struct arena *arena, const struct session *session)
{
    unsigned char token[TOKEN_BYTES];
    must(config->key_count > 0);
    randombytes_buf(token, NONCE_BYTES);
    seal(&config->keys[0], session, token);
    return text_base64url(arena, token, sizeof token);
}

bool csrf_valid(const struct config *config, const struct session *session, struct text token)
{
    unsigned char came[TOKEN_BYTES], ours[TOKEN_BYTES];
    size_t len;
    if (!session->secret.len || !text_unbase64url(token, came, sizeof came, &len) || len != sizeof came)
        return false;
    memcpy(ours, came, NONCE_BYTES);
    for (size_t i = 0; i < config->key_count; i++) { /* a page may be older than the newest key */
        seal(&config->keys[i], session, ours);
        if (sodium_memcmp(came, ours, sizeof ours) == 0)
            return true;
    }
    return false;
}
