/* Keyed hashes under our own signing keys, a purpose each, so that no value made for one passes for another. */
#ifndef CONFAB_WEB_SECRET_H
#define CONFAB_WEB_SECRET_H

#include <stddef.h>

#include "base/text.h"

struct config_key;

enum { SECRET_BYTES = 32 };

/* HMAC-SHA256 of data under a key that is derived from key for this purpose, which must last; for "" under the key
 * itself. */
void secret_mac(const struct config_key *key, const char *purpose, const void *data, size_t len,
                unsigned char out[SECRET_BYTES]);

#endif
