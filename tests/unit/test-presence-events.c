/* Who is here, told as Phoenix Presence tells it. */
#include "../support/tap.h"

#include <jansson.h>
#include <stdlib.h>

#include "live/presence_events.h"

#define ENTRY(reference, its_key, user, its_name)                                                                      \
    {                                                                                                                  \
        .ref = TEXT(reference), .key = TEXT(its_key), .user_id = user, .userid = TEXT("u"), .name = TEXT(its_name),    \
        .online_at = 1700000000123                                                                                     \
    }

static struct presence_entry ann1 = ENTRY("r-1", "user:1", 1, "Ann"), ann2 = ENTRY("r-2", "user:1", 1, "Ann"),
                             bo = ENTRY("r-3", "user:2", 2, "Bo"), guest = ENTRY("r-4", "guest:r-4", 0, "Zoe \"Z\"");

static struct presence_list list(struct presence_entry *entries, size_t count, int64_t people, int64_t guests)
{
    return (struct presence_list){ .people = people, .guests = guests, .entries = entries, .count = count };
}

static json_t *read_json(struct buffer *text)
{
    json_t *json = json_loadb(text->at, text->len, JSON_REJECT_DUPLICATES, NULL);
    ok(json != NULL && !text->full, "it is JSON: %.*s", (int)text->len, text->at);
    buffer_clear(text);
    return json;
}

static const char *ref_of(const json_t *keys, const char *key, size_t tab)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(json_object_get(keys, key), "metas"), tab), "phx_ref"));
}

static void test_state(struct buffer *out)
{
    struct presence_entry entries[] = { ann1, ann2, bo, guest };
    struct presence_list all = list(entries, 4, 2, 1), none = list(NULL, 0, 0, 0);
    presence_state_json(out, &all);
    json_t *state = read_json(out);
    ok(json_object_size(state) == 3, "a key for each person and each page of a guest");
    const json_t *metas = json_object_get(json_object_get(state, "user:1"), "metas");
    ok(json_array_size(metas) == 2, "a meta for each page of a person");
    ok(strcmp(ref_of(state, "user:1", 0), ref_of(state, "user:1", 1)) != 0, "each with a ref of its own");
    const json_t *meta = json_array_get(json_object_get(json_object_get(state, "guest:r-4"), "metas"), 0);
    ok(json_is_true(json_object_get(meta, "guest")), "a guest is told by a flag");
    is(json_string_value(json_object_get(meta, "name")), "Zoe \"Z\"", "with the name that was given");
    is(json_string_value(json_object_get(meta, "online_at")), "2023-11-14T22:13:20.123Z", "and since when");
    ok(json_is_null(json_object_get(meta, "picture")), "no picture is null");
    json_decref(state);
    presence_state_json(out, &none);
    state = read_json(out);
    ok(json_object_size(state) == 0, "nobody is an empty object");
    json_decref(state);
    presence_count_json(out, &all);
    json_t *count = read_json(out);
    ok(json_integer_value(json_object_get(count, "people")) == 2 &&
           json_integer_value(json_object_get(count, "guests")) == 1,
       "people and guests are counted apart");
    json_decref(count);
}

static void test_diff(struct buffer *out)
{
    struct presence_entry before[] = { ann1, bo }, after[] = { ann1, ann2, guest }, renamed[] = { ann1, bo };
    struct presence_list was = list(before, 2, 2, 0), now = list(after, 3, 1, 1), other = list(renamed, 2, 2, 0);
    ok(presence_diff_json(out, &was, &now), "a tab more, one person less, a guest more: a difference");
    json_t *diff = read_json(out);
    const json_t *joins = json_object_get(diff, "joins"), *leaves = json_object_get(diff, "leaves");
    ok(json_object_size(joins) == 2 && ref_of(joins, "user:1", 0) && !ref_of(joins, "user:1", 1) &&
           ref_of(joins, "guest:r-4", 0),
       "joins: the new tab and the guest");
    ok(json_object_size(leaves) == 1 && ref_of(leaves, "user:2", 0), "leaves: who is not there any more");
    json_decref(diff);
    ok(!presence_diff_json(out, &was, &was) && out->len == 0, "the same twice is no difference");
    renamed[1].name = TEXT("Bob");
    ok(presence_diff_json(out, &was, &other), "another name is one");
    diff = read_json(out);
    ok(strcmp(ref_of(json_object_get(diff, "joins"), "user:2", 0),
              ref_of(json_object_get(diff, "leaves"), "user:2", 0)) != 0,
       "and the metas before and after have different refs, so that a client keeps the new one");
    json_decref(diff);
}

static void test_version(void)
{
    struct presence_entry before[] = { ann1, bo }, swapped[] = { bo, ann1 }, renamed[] = { ann1, bo };
    struct presence_list a = list(before, 2, 2, 0), b = list(swapped, 2, 2, 0), c = list(renamed, 2, 2, 0), d = a;
    renamed[0].name = TEXT("Anne");
    d.guests = 1;
    ok(presence_version(&a) == presence_version(&a) && presence_version(&a) != 0, "a version stands for what is shown");
    ok(presence_version(&a) != presence_version(&b) && presence_version(&a) != presence_version(&c) &&
           presence_version(&a) != presence_version(&d),
       "and is another for another order, name or count");
}

int main(void)
{
    struct buffer out = buffer_new(64 * 1024);
    test_state(&out);
    test_diff(&out);
    test_version();
    buffer_free(&out);
    return done();
}
