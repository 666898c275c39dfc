#include "chat/throttle.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "base/arena.h"
#include "base/config.h"
#include "chat/posting.h"
#include "chat/scope.h"
#include "db/db.h"
#include "queries.h"

/* One person can have a whole IPv6 /64, so that counts as one address; an IPv4 address that comes in IPv6's clothes (a
 * socket that listens for both) is the IPv4 address. */
static const char *network_of(const struct scope *scope)
{
    static const unsigned char mapped[12] = { [10] = 0xFF, [11] = 0xFF };
    unsigned char bytes[16];
    char network[INET6_ADDRSTRLEN] = "";
    const char *address = text_string(scope->arena, scope->address);
    if (inet_pton(AF_INET6, address, bytes) == 1 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        address = inet_ntop(AF_INET, bytes + sizeof mapped, network, sizeof network);
    } else if (inet_pton(AF_INET6, address, bytes) == 1) {
        memset(bytes + 8, 0, 8);
        inet_ntop(AF_INET6, bytes, network, sizeof network);
        address = network;
    } else if (inet_pton(AF_INET, address, bytes) != 1) {
        address = "unknown";
    }
    return text_string(scope->arena, text_of(address));
}

static const char *address_key(const struct scope *scope)
{
    return arena_printf(scope->arena, "post:address:%s", network_of(scope));
}

static const char *author_key(const struct scope *scope)
{
    if (scope_member(scope))
        return arena_printf(scope->arena, "post:user:%lld", (long long)scope->user_id);
    return arena_printf(scope->arena, "post:guest:%.*s", TEXT_ARGS(scope->guest));
}

/* Of the seconds to wait. */
static enum outcome verdict(const struct rows *rows, int *retry_after)
{
    if (rows->status != DB_DONE || rows->count != 1)
        return BROKEN;
    double wait = row_real(rows, 0, 0);
    if (wait <= 0)
        return DONE;
    *retry_after = wait < 86400 ? (int)wait + 1 : 86400;
    return LIMITED;
}

enum outcome throttle_post(const struct scope *scope, int *retry_after)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, text_of(address_key(scope)));
    param_text(&params, scope->arena, text_of(author_key(scope)));
    param_number(&params, scope->config->limits_rate.count);
    param_number(&params, scope->config->limits_rate.period_ms);
    struct rows rows = db_run(scope->db, scope->arena, &query_throttle_take, &params);
    return verdict(&rows, retry_after);
}

/* --- many --- */

/* Somebody at an address. Of those who post together many are the same, so that their keys are made once. */
struct payer {
    const struct scope *scope;
    const char *address_key, *author_key;
};

struct payers {
    struct payer *items; /* room for as many as post */
    size_t count;
};

static bool same_payer(const struct scope *a, const struct scope *b)
{
    return a->user_id == b->user_id && text_equal(a->guest, b->guest) && text_equal(a->address, b->address);
}

static const struct payer *payer_of(struct payers *payers, const struct scope *scope)
{
    for (size_t i = 0; i < payers->count; i++)
        if (same_payer(payers->items[i].scope, scope))
            return &payers->items[i];
    struct payer *payer = &payers->items[payers->count++];
    *payer = (struct payer){ scope, address_key(scope), author_key(scope) };
    return payer;
}

/* How many want to take of each key. */
struct tally {
    struct text *keys;
    int64_t *taken, *most;
    size_t count;
};

static void tally_add(struct tally *tally, const char *key, int64_t most)
{
    size_t i = 0;
    while (i < tally->count && !text_is(tally->keys[i], key))
        i++;
    if (i == tally->count) {
        tally->keys[i] = text_of(key);
        tally->most[i] = most;
        tally->count++;
    }
    tally->taken[i]++;
}

static bool row_has(const struct rows *rows, const char *key)
{
    for (int i = 0; i < rows->count; i++)
        if (text_is(row_text(rows, i, 0), key))
            return true;
    return false;
}

static struct rows take_many(const struct scope *scope, const struct tally *tally)
{
    struct params params = { 0 };
    param_texts(&params, scope->arena, tally->keys, tally->count);
    param_numbers(&params, scope->arena, tally->taken, tally->count);
    param_numbers(&params, scope->arena, tally->most, tally->count);
    param_number(&params, scope->config->limits_rate.period_ms);
    return db_run(scope->db, scope->arena, &query_throttle_take_many, &params);
}

/* Where not all that came together may pass, each is judged for itself. */
static enum outcome judge(const struct rows *rows, const struct payer *payer, struct posting *posting)
{
    if (rows->status != DB_DONE)
        return BROKEN;
    if (row_has(rows, payer->author_key) && row_has(rows, payer->address_key))
        return DONE;
    return throttle_post(posting->scope, &posting->errors.retry_after);
}

void throttle_post_many(struct posting **postings, size_t *count)
{
    if (!*count)
        return;
    const struct scope *scope = postings[0]->scope;
    int64_t most = scope->config->limits_rate.count;
    struct payers payers = { .items = arena_array(scope->arena, *count, sizeof *payers.items) };
    const struct payer **of = arena_array(scope->arena, *count, sizeof(struct payer *));
    struct tally tally = { .keys = arena_array(scope->arena, 2 * *count, sizeof *tally.keys),
                           .taken = arena_array(scope->arena, 2 * *count, sizeof *tally.taken),
                           .most = arena_array(scope->arena, 2 * *count, sizeof *tally.most) };
    for (size_t i = 0; i < *count; i++) {
        of[i] = payer_of(&payers, postings[i]->scope);
        tally_add(&tally, of[i]->address_key, most * 10);
        tally_add(&tally, of[i]->author_key, most);
    }
    struct rows rows = take_many(scope, &tally);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        postings[i]->outcome = judge(&rows, of[i], postings[i]);
        if (postings[i]->outcome == DONE)
            postings[kept++] = postings[i];
    }
    *count = kept;
}

/* --- signing in --- */

/* What somebody typed can be anything: a hash of it fits into a key. Case does not matter in an e-mail's letters. */
static struct text account_hash(const struct scope *scope, struct text account)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char *lower = arena_copy(scope->arena, account.at, account.len);
    for (size_t i = 0; i < account.len; i++)
        lower[i] = (char)tolower((unsigned char)lower[i]);
    crypto_hash_sha256(hash, (const unsigned char *)lower, account.len);
    return text_base64url(scope->arena, hash, 12);
}

static struct text pair_key(const struct scope *scope, struct text account)
{
    struct text hash = account_hash(scope, account);
    return text_of(arena_printf(scope->arena, "sign-in:pair:%s:%.*s", network_of(scope), TEXT_ARGS(hash)));
}

enum outcome throttle_sign_in(const struct scope *scope, struct text account, int *retry_after)
{
    struct text hash = account_hash(scope, account);
    const char *address = arena_printf(scope->arena, "sign-in:address:%s", network_of(scope));
    const char *everywhere = arena_printf(scope->arena, "sign-in:account:%.*s", TEXT_ARGS(hash));
    struct params params = { 0 };
    param_text(&params, scope->arena, pair_key(scope, account));
    param_text(&params, scope->arena, text_of(address));
    param_text(&params, scope->arena, text_of(everywhere));
    param_number(&params, scope->config->limits_sign_in.count);
    param_number(&params, scope->config->limits_sign_in.period_ms);
    struct rows rows = db_run(scope->db, scope->arena, &query_throttle_sign_in, &params);
    return verdict(&rows, retry_after);
}

void throttle_signed_in(const struct scope *scope, struct text account)
{
    struct params params = { 0 };
    param_text(&params, scope->arena, pair_key(scope, account));
    struct rows rows = db_run(scope->db, scope->arena, &query_throttle_forget, &params);
    (void)rows; /* logged where it failed; it only counts on */
}
