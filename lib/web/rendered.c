#include "web/rendered.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/must.h"
#include "chat/message.h"

enum { SLOTS = 512, KEPT_MAX = 4096 };

static struct slot {
    struct rendered_key key;
    char *bytes; /* NULL: empty */
    size_t len;
} slots[SLOTS];

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

static bool same(const struct rendered_key *a, const struct rendered_key *b)
{
    return a->kind == b->kind && a->view == b->view && a->id == b->id && a->rev == b->rev && a->hash == b->hash;
}

/* Neighbouring messages have neighbouring places, and the kinds of one are far apart. */
static struct slot *slot_of(const struct rendered_key *key)
{
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
