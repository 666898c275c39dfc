#include "web/secret.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "base/config.h"

enum { PREPARED = 8 };

/* What HMAC makes of a key before it sees any data is half the work of hashing little of it, and there are few keys.
 * Each thread keeps what it used last; the keys themselves are in memory as long. */
struct prepared {
    bool used;
    unsigned char key[CONFIG_KEY_BYTES];
    const char *purpose; /* "": the key itself */
    crypto_auth_hmacsha256_state state;
};

static const crypto_auth_hmacsha256_state *prepare(const struct config_key *key, const char *purpose)
{
    static _Thread_local struct prepared kept[PREPARED];
    static _Thread_local size_t oldest;
    for (size_t i = 0; i < PREPARED; i++)
        if (kept[i].used && strcmp(kept[i].purpose, purpose) == 0 &&
            memcmp(kept[i].key, key->bytes, CONFIG_KEY_BYTES) == 0)
            return &kept[i].state;
    struct prepared *fresh = &kept[oldest];
    oldest = (oldest + 1) % PREPARED;
    *fresh = (struct prepared){ .used = true, .purpose = purpose };
    memcpy(fresh->key, key->bytes, CONFIG_KEY_BYTES);
    unsigned char derived[SECRET_BYTES];
    crypto_auth_hmacsha256(derived, (const unsigned char *)purpose, strlen(purpose), key->bytes);
    crypto_auth_hmacsha256_init(&fresh->state, *purpose ? derived : key->bytes, SECRET_BYTES);
    sodium_memzero(derived, sizeof derived);
    return &fresh->state;
}

void secret_mac(const struct config_key *key, const char *purpose, const void *data, size_t len,
                unsigned char out[SECRET_BYTES])
{
    _Static_assert(crypto_auth_hmacsha256_BYTES == SECRET_BYTES, "HMAC-SHA256 gives 32 bytes");
    _Static_assert(crypto_auth_hmacsha256_KEYBYTES == CONFIG_KEY_BYTES, "and takes a key of 32");
    crypto_auth_hmacsha256_state state = *prepare(key, purpose);
    crypto_auth_hmacsha256_update(&state, data, len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}
