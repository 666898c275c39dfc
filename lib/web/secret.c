#include "web/secret.h"

#include <sodium.h>
#include <string.h>

#include "base/config.h"

void secret_mac(const struct config_key *key, const char *purpose, const void *data, size_t len,
                unsigned char out[SECRET_BYTES])
{
    _Static_assert(crypto_auth_hmacsha256_BYTES == SECRET_BYTES, "HMAC-SHA256 gives 32 bytes");
    _Static_assert(crypto_auth_hmacsha256_KEYBYTES == CONFIG_KEY_BYTES, "and takes a key of 32");
    unsigned char derived[SECRET_BYTES];
    crypto_auth_hmacsha256(derived, (const unsigned char *)purpose, strlen(purpose), key->bytes);
    crypto_auth_hmacsha256(out, data, len, derived);
    sodium_memzero(derived, sizeof derived);
}
