#include "relay/addresses.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { FIRST_BUCKETS = 64, KEY_BYTES = 9, ADDRESS_MAX = 64, WRITTEN = 't' };

/* A row of bytes that is there so many times: what counts as one address (what it is, and 8 bytes of it), or WRITTEN
 * and an address as it is written, with its end. */
struct address {
    struct address *next; /* of the same bucket */
    uint32_t count, len;
    unsigned char key[];
};

/* Whoever has many addresses must not be able to choose them into one bucket: a keyed hash. */
struct addresses {
    size_t count, buckets; /* buckets is a power of two */
    struct address **by_key;
    unsigned char secret[crypto_shorthash_KEYBYTES];
};

static struct address **table(size_t buckets)
{
    struct address **made = calloc(buckets, sizeof(struct address *));
    must(made != NULL);
    return made;
}

struct addresses *addresses_new(void)
{
    struct addresses *addresses = calloc(1, sizeof *addresses);
    must(addresses != NULL);
    addresses->buckets = FIRST_BUCKETS;
    addresses->by_key = table(addresses->buckets);
    crypto_shorthash_keygen(addresses->secret);
    return addresses;
}

void addresses_free(struct addresses **addresses)
{
    if (!*addresses)
        return;
    must((*addresses)->count == 0);
    free((*addresses)->by_key);
    free(*addresses);
    *addresses = NULL;
}

/* --- what counts as one --- */

static bool is_mapped(const unsigned char six[16])
{
    static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    return memcmp(six, mapped, sizeof mapped) == 0;
}

static bool is_loopback(const unsigned char six[16])
{
    static const unsigned char loopback[16] = { [15] = 1 };
    return memcmp(six, loopback, sizeof loopback) == 0;
}

/* False: it is not counted. What is no address that we know is one as it is written. */
static bool key_of(struct text text, const unsigned char secret[crypto_shorthash_KEYBYTES],
                   unsigned char key[KEY_BYTES])
{
    unsigned char bytes[16];
    char name[ADDRESS_MAX];
    memset(key, 0, KEY_BYTES);
    if (text.len == 0)
        return false;
    if (text.len < sizeof name) {
        memcpy(name, text.at, text.len);
        name[text.len] = '\0';
        bool four = inet_pton(AF_INET, name, bytes + 12) == 1, six = !four && inet_pton(AF_INET6, name, bytes) == 1;
        if (four || (six && is_mapped(bytes))) {
            key[0] = 4;
            memcpy(key + 1, bytes + 12, 4);
            return bytes[12] != 127;
        }
        if (six) {
            key[0] = 6;
            memcpy(key + 1, bytes, 8);
            return !is_loopback(bytes);
        }
    }
    crypto_shorthash(key + 1, (const unsigned char *)text.at, text.len, secret);
    return true;
}

/* --- the table --- */

static struct address **bucket(const struct addresses *addresses, const unsigned char *key, size_t len)
{
    unsigned char hash[crypto_shorthash_BYTES];
    size_t number;
    crypto_shorthash(hash, key, len, addresses->secret);
    memcpy(&number, hash, sizeof number);
    return &addresses->by_key[number & (addresses->buckets - 1)];
}

static struct address **find(const struct addresses *addresses, const unsigned char *key, size_t len)
{
    struct address **at = bucket(addresses, key, len);
    while (*at && ((*at)->len != len || memcmp((*at)->key, key, len) != 0))
        at = &(*at)->next;
    return at;
}

static void grow(struct addresses *addresses)
{
    struct address **old = addresses->by_key;
    size_t buckets = addresses->buckets;
    addresses->buckets *= 2;
    addresses->by_key = table(addresses->buckets);
    for (size_t i = 0; i < buckets; i++) {
        for (struct address *address = old[i], *next; address; address = next) {
            struct address **at = bucket(addresses, address->key, address->len);
            next = address->next;
            address->next = *at;
            *at = address;
        }
    }
    free(old);
}

static struct address *find_or_make(struct addresses *addresses, const unsigned char *key, size_t len)
{
    struct address **at = find(addresses, key, len), *address = *at;
    if (address)
        return address;
    if (++addresses->count > addresses->buckets) {
        grow(addresses);
        at = bucket(addresses, key, len);
    }
    address = malloc(sizeof *address + len);
    must(address != NULL);
    *address = (struct address){ .next = *at, .len = (uint32_t)len };
    memcpy(address->key, key, len);
    *at = address;
    return address;
}

static void one_less(struct addresses *addresses, const unsigned char *key, size_t len)
{
    struct address **at = find(addresses, key, len), *address = *at;
    must(address != NULL);
    if (--address->count > 0)
        return;
    *at = address->next;
    addresses->count--;
    free(address);
}

/* --- counting --- */

bool addresses_take(struct addresses *addresses, struct text text, size_t most)
{
    unsigned char key[KEY_BYTES];
    if (!key_of(text, addresses->secret, key))
        return true;
    must(most > 0);
    struct address *address = find_or_make(addresses, key, sizeof key);
    if (address->count >= most)
        return false;
    address->count++;
    return true;
}

void addresses_give(struct addresses *addresses, struct text text)
{
    unsigned char key[KEY_BYTES];
    if (key_of(text, addresses->secret, key))
        one_less(addresses, key, sizeof key);
}

/* --- writing --- */

const char *addresses_keep(struct addresses *addresses, struct text text)
{
    unsigned char key[1 + ADDRESS_MAX] = { WRITTEN };
    size_t len = text.len ? strnlen(text.at, text.len < ADDRESS_MAX ? text.len : ADDRESS_MAX - 1) : 0;
    if (len)
        memcpy(key + 1, text.at, len);
    struct address *address = find_or_make(addresses, key, len + 2);
    address->count++;
    return (const char *)address->key + 1;
}

void addresses_drop(struct addresses *addresses, const char **text)
{
    if (*text)
        one_less(addresses, (const unsigned char *)*text - 1, strlen(*text) + 2);
    *text = NULL;
}
