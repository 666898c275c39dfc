#include "web/rendered.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/must.h"
#include "chat/message.h"
#include "chat/presence.h"

/* Lists of people have places of their own, so that one and a message of the same page never take turns in one. */
enum { SLOTS = 512, PEOPLE_SLOTS = 64, KEPT_MAX = 4096 };

static struct slot {
    struct rendered_key key;
    char *bytes; /* NULL: empty */
    size_t len;
} slots[SLOTS + PEOPLE_SLOTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void hash_word(uint64_t *hash, uint64_t word)
{
    *hash = (*hash ^ word) * 1099511628211u;
    *hash ^= *hash >> 32;
}

/* In the manner of FNV-1a, but eight bytes at a time, and with the length of each text, so that they can not run into
 * each other. */
static void hash_bytes(uint64_t *hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (uint64_t word; len >= sizeof word; at += sizeof word, len -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash_word(hash, word);
    }
    while (len--)
        hash_word(hash, *at++);
}

static void hash_text(uint64_t *hash, struct text text)
{
    hash_bytes(hash, &text.len, sizeof text.len);
    hash_bytes(hash, text.at, text.len);
}

struct rendered_key rendered_key(enum rendering kind, const struct config *config, const struct view *view,
                                 const struct message *message)
{
    struct rendered_key key = { kind, view, message->id, message->rev, 14695981039346656037u };
    const struct text texts[] = { config->base,          message->room,   message->name,
                                  message->message,      message->userid, message->user_name,
                                  message->user_picture, message->guest,  message->client_id };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        hash_text(&key.hash, texts[i]);
    const int64_t numbers[] = { message->seq, message->inserted_at, message->edited_at, message->deleted };
    hash_bytes(&key.hash, numbers, sizeof numbers);
    return key;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned char secret[crypto_shorthash_siphashx24_KEYBYTES];

static void draw_secret(void)
{
    randombytes_buf(secret, sizeof secret);
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t len)
{
    if (len)
        memcpy(at, bytes, len);
    return at + len;
}

static unsigned char *put_text(unsigned char *at, struct text text)
{
    return put(put(at, &text.len, sizeof text.len), text.at, text.len);
}

/* All that the list shows, with the length of each text. */
static struct text people_bytes(struct arena *arena, const struct presence_list *list)
{
    const int64_t counts[] = { list->people, list->guests, (int64_t)list->count };
    size_t len = sizeof counts;
    for (size_t i = 0; i < list->count; i++) {
        const struct presence_entry *entry = &list->entries[i];
        len += 3 * sizeof len + entry->userid.len + entry->name.len + entry->picture.len;
    }
    unsigned char *bytes = arena_alloc(arena, len), *at = put(bytes, counts, sizeof counts);
    for (size_t i = 0; i < list->count; i++) {
        const struct presence_entry *entry = &list->entries[i];
        at = put_text(put_text(put_text(at, entry->userid), entry->name), entry->picture);
    }
    return (struct text){ (const char *)bytes, len };
}

/* A message's key holds its number and its change, which nobody chooses; of a list of people nothing is known but texts
 * that persons chose. So its hash is a keyed one of 128 bits (SipHash), whose key is this process' alone: nobody can
 * look for two lists that have the same, and that two have it by chance does not happen. It takes the places of the
 * two numbers. */
struct rendered_key rendered_people_key(struct arena *arena, const struct view *view, const struct presence_list *list)
{
    struct rendered_key key = { .kind = RENDERED_PEOPLE, .view = view };
    struct text bytes = people_bytes(arena, list);
    unsigned char hash[crypto_shorthash_siphashx24_BYTES];
    _Static_assert(sizeof hash == sizeof key.id + sizeof key.rev, "the hash fills both");
    pthread_once(&once, draw_secret);
    crypto_shorthash_siphashx24(hash, (const unsigned char *)bytes.at, bytes.len, secret);
    memcpy(&key.id, hash, sizeof key.id);
    memcpy(&key.rev, hash + sizeof key.id, sizeof key.rev);
    return key;
}

static bool same(const struct rendered_key *a, const struct rendered_key *b)
{
    return a->kind == b->kind && a->view == b->view && a->id == b->id && a->rev == b->rev && a->hash == b->hash;
}

/* Neighbouring messages have neighbouring places, and the two kinds of one are far apart. */
static struct slot *slot_of(const struct rendered_key *key)
{
    if (key->kind == RENDERED_PEOPLE)
        return &slots[SLOTS + (uint64_t)key->id % PEOPLE_SLOTS];
    return &slots[((uint64_t)key->id + key->kind * SLOTS / 2) % SLOTS];
}

bool rendered_find(const struct rendered_key *key, struct buffer *out)
{
    const struct slot *slot = slot_of(key);
    pthread_mutex_lock(&lock);
    bool found = slot->bytes && same(&slot->key, key);
    if (found)
        buffer_add(out, slot->bytes, slot->len);
    pthread_mutex_unlock(&lock);
    return found;
}

void rendered_keep(const struct rendered_key *key, struct text rendered)
{
    struct slot *slot = slot_of(key);
    if (rendered.len > KEPT_MAX)
        return;
    char *copy = malloc(rendered.len + 1);
    must(copy != NULL);
    memcpy(copy, rendered.at, rendered.len);
    pthread_mutex_lock(&lock);
    char *old = slot->bytes;
    *slot = (struct slot){ *key, copy, rendered.len };
    pthread_mutex_unlock(&lock);
    free(old);
}
