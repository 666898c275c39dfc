#include "live/presence_events.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "web/json_text.h"

/* FNV-1a; a length stands before each text, so that no two lists run together. */
static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 16777619U;
    return hash;
}

static uint32_t hash_text(uint32_t hash, struct text text)
{
    return hash_bytes(hash_bytes(hash, &text.len, sizeof text.len), text.at, text.len);
}

enum { HASH_BEGIN = (int)2166136261U };

static uint32_t hash_shown(const struct presence_entry *entry)
{
    return hash_text(hash_text((uint32_t)HASH_BEGIN, entry->name), entry->picture);
}

static bool same_meta(const struct presence_entry *a, const struct presence_entry *b)
{
    return text_equal(a->ref, b->ref) && text_equal(a->name, b->name) && text_equal(a->picture, b->picture);
}

/* --- writing --- */

static void write_meta(struct buffer *out, const struct presence_entry *entry)
{
    char time[CLOCK_TEXT_SIZE];
    buffer_printf(out, "{\"phx_ref\":\"%.*s-%08x\",\"online_at\":\"%s\",\"guest\":%s,\"name\":", TEXT_ARGS(entry->ref),
                  hash_shown(entry), clock_text(entry->online_at * 1000, time), entry->user_id ? "false" : "true");
    json_text_string_or_null(out, entry->name);
    buffer_string(out, ",\"picture\":");
    json_text_string_or_null(out, entry->picture);
    if (entry->user_id) {
        buffer_string(out, ",\"userID\":");
        json_text_string(out, entry->userid);
    }
    buffer_char(out, '}');
}

/* Those entries of a list that are wanted, by key; entries of one key stand together. */
static size_t write_keys(struct buffer *out, const struct presence_list *list, const bool *wanted)
{
    struct text key = TEXT("");
    size_t count = 0;
    buffer_char(out, '{');
    for (size_t i = 0; i < list->count; i++) {
        const struct presence_entry *entry = &list->entries[i];
        if (wanted && !wanted[i])
            continue;
        bool same = count && text_equal(entry->key, key);
        if (same) {
            buffer_char(out, ',');
        } else {
            buffer_string(out, count ? "]}," : "");
            json_text_string(out, entry->key);
            buffer_string(out, ":{\"metas\":[");
        }
        write_meta(out, entry);
        key = entry->key;
        count++;
    }
    buffer_string(out, count ? "]}}" : "}");
    return count;
}

void presence_state_json(struct buffer *out, const struct presence_list *list)
{
    write_keys(out, list, NULL);
}

void presence_count_json(struct buffer *out, const struct presence_list *list)
{
    buffer_printf(out, "{\"people\":%lld,\"guests\":%lld}", (long long)list->people, (long long)list->guests);
}

/* --- comparing --- */

static int by_ref(const void *a, const void *b)
{
    const struct presence_entry *left = *(const struct presence_entry *const *)a;
    const struct presence_entry *right = *(const struct presence_entry *const *)b;
    size_t len = left->ref.len < right->ref.len ? left->ref.len : right->ref.len;
    int order = memcmp(left->ref.at, right->ref.at, len);
    return order ? order : (left->ref.len > right->ref.len) - (left->ref.len < right->ref.len);
}

static const struct presence_entry **sorted(const struct presence_list *list)
{
    const struct presence_entry **entries = calloc(list->count + 1, sizeof *entries);
    must(entries != NULL);
    for (size_t i = 0; i < list->count; i++)
        entries[i] = &list->entries[i];
    qsort(entries, list->count, sizeof *entries, by_ref);
    return entries;
}

/* Which entries of a list the other does not have as they are. */
static bool *missing_from(const struct presence_list *list, const struct presence_list *other)
{
    const struct presence_entry **there = sorted(other);
    bool *missing = calloc(list->count + 1, sizeof *missing);
    must(missing != NULL);
    for (size_t i = 0; i < list->count; i++) {
        const struct presence_entry *key = &list->entries[i];
        const struct presence_entry **found = bsearch(&key, there, other->count, sizeof *there, by_ref);
        missing[i] = !found || !same_meta(key, *found);
    }
    free(there);
    return missing;
}

bool presence_diff_json(struct buffer *out, const struct presence_list *was, const struct presence_list *is)
{
    bool *came = missing_from(is, was), *went = missing_from(was, is);
    size_t before = out->len, count;
    buffer_string(out, "{\"joins\":");
    count = write_keys(out, is, came);
    buffer_string(out, ",\"leaves\":");
    count += write_keys(out, was, went);
    buffer_char(out, '}');
    free(came);
    free(went);
    if (count == 0)
        out->len = before;
    return count > 0;
}

uint32_t presence_version(const struct presence_list *list)
{
    uint32_t hash = hash_bytes((uint32_t)HASH_BEGIN, &list->people, sizeof list->people);
    hash = hash_bytes(hash, &list->guests, sizeof list->guests);
    for (size_t i = 0; i < list->count; i++)
        hash = hash_text(hash_text(hash_text(hash, list->entries[i].ref), list->entries[i].name),
                         list->entries[i].picture);
    return hash ? hash : 1;
}
