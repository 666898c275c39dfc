#include "chat/password.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/log.h"
#include "base/slots.h"
#include "base/utf8.h"

/* 64 MiB twice over: about 75 ms of one core (SECURITY 5). */
enum { OPERATIONS = 2, MEMORY = 64 * 1024 * 1024, WAIT_MS = 5000 };

/* --- rules --- */

/* Runs that a hand makes on a keyboard, and phrases that lists of stolen passwords are full of. Twelve characters made
 * of one of these alone are no secret. */
static const char *const common[] = {
    "0123456789",
    "1234567890",
    "1q2w3e4r5t6y",
    "abcdefghijklmnopqrstuvwxyz",
    "administrator",
    "adminadmin",
    "asdfghjkl",
    "changeme",
    "correcthorsebatterystaple",
    "football",
    "iloveyou",
    "letmein",
    "liverpool",
    "manchester",
    "monkey",
    "mypassword",
    "newpassword",
    "passw0rd",
    "password",
    "princess",
    "qazwsxedc",
    "qwertyuiop",
    "qwerty",
    "q1w2e3r4t5y6",
    "secret",
    "sunshine",
    "superman",
    "thisispassword",
    "trustno1",
    "unbelievable",
    "welcome",
    "whatever",
    "zaq12wsx",
    "zxcvbnm",
    "1qaz2wsx3edc",
    "dragon",
    "master",
    "baseball",
    "starwars",
    "abc123",
};

static bool starts_nocase(struct text text, struct text with)
{
    if (text.len < with.len)
        return false;
    for (size_t i = 0; i < with.len; i++)
        if (tolower((unsigned char)text.at[i]) != tolower((unsigned char)with.at[i]))
            return false;
    return true;
}

/* How many bytes at the beginning are one of the words that anybody would try, 0 if none. */
static size_t guessed(struct text rest, const struct text *own, size_t own_count)
{
    size_t most = 0;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        struct text word = text_of(common[i]);
        if (word.len > most && starts_nocase(rest, word))
            most = word.len;
    }
    for (size_t i = 0; i < own_count; i++)
        if (own[i].len >= 3 && own[i].len > most && starts_nocase(rest, own[i]))
            most = own[i].len;
    return most;
}

/* How long the beginning goes on as one character repeated, or counted up or down. */
static size_t run(struct text rest)
{
    size_t len = 2;
    if (rest.len < 3)
        return 0;
    int step = rest.at[1] - rest.at[0];
    if (step < -1 || step > 1)
        return 0;
    while (len < rest.len && rest.at[len] - rest.at[len - 1] == step)
        len++;
    return len >= 3 ? len : 0;
}

/* Words that everybody tries, runs, and repetitions of what came before say nothing; what is left must still be
 * something. */
static bool easily_guessed(struct text password, const struct text *own, size_t own_count)
{
    enum { LEAST_LEFT = 5 };
    size_t left = 0;
    for (size_t at = 0; at < password.len;) {
        struct text rest = { password.at + at, password.len - at };
        size_t skip = guessed(rest, own, own_count), runs = run(rest);
        if (runs > skip)
            skip = runs;
        for (size_t len = at; !skip && len >= 3; len--)
            if (rest.len >= len && memcmp(rest.at, password.at + at - len, len) == 0)
                skip = len;
        left += skip == 0;
        at += skip ? skip : 1;
    }
    return left < LEAST_LEFT;
}

bool password_check(const struct config *config, struct text password, struct text email, struct text name,
                    struct errors *errors)
{
    struct text local = email, host = config->origin;
    local = text_split(&local, '@');
    text_split(&host, '/');
    text_split(&host, '/'); /* what follows is the host */
    const struct text own[] = { local, email, name, text_of(config->site_name), host, TEXT("confab") };
    size_t count = utf8_valid(password) ? utf8_count(password) : 0, before = errors->count;
    if (password.len == 0)
        errors_add(errors, "password", "can't be blank");
    else if (password.len > PASSWORD_BYTES_MAX || count > PASSWORD_MAX)
        errors_add(errors, "password", "should be at most 72 character(s)");
    else if (count == 0)
        errors_add(errors, "password", "must be UTF-8 text");
    else if (count < PASSWORD_MIN)
        errors_add(errors, "password", "should be at least 12 character(s)");
    else if (easily_guessed(password, own, sizeof own / sizeof own[0]))
        errors_add(errors, "password", "is too easily guessed");
    return errors->count == before;
}

/* --- hashing --- */

static bool take_slot(const struct config *config, struct slots *slots)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (slots_take(slots, config->site_data, cores > 0 ? (int)cores : 1, WAIT_MS))
        return true;
    log_event(LOG_ERROR, "password not hashed", LOG_S("reason", "no place came free"));
    return false;
}

enum outcome password_hash(const struct config *config, struct arena *arena, struct text password, struct text *out)
{
    char *kept = arena_alloc(arena, crypto_pwhash_STRBYTES);
    struct slots slots;
    if (!take_slot(config, &slots))
        return BROKEN;
    int failed =
        crypto_pwhash_str_alg(kept, password.at, password.len, OPERATIONS, MEMORY, crypto_pwhash_ALG_ARGON2ID13);
    slots_give(&slots);
    if (failed)
        log_event(LOG_ERROR, "password not hashed", LOG_S("reason", "no memory"));
    *out = text_of(kept);
    return failed ? BROKEN : DONE;
}

/* Somebody who does not exist: of a password that nobody knows, with the parameters above. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$c29tZWJvZHlub2JvZHlrbm93cw$"
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

enum outcome password_verify(const struct config *config, struct arena *arena, struct text password, struct text kept,
                             bool *again)
{
    struct slots slots;
    const char *hash = kept.len ? text_string(arena, kept) : nobody;
    if (again)
        *again = false;
    if (password.len > PASSWORD_BYTES_MAX)
        return DENIED;
    if (!take_slot(config, &slots))
        return BROKEN;
    errno = 0;
    bool right = crypto_pwhash_str_verify(hash, password.at, password.len) == 0;
    bool wrong = !right && errno == EINVAL; /* libsodium's word for another password; else it could not tell */
    slots_give(&slots);
    if (!right && !wrong)
        log_event(LOG_ERROR, "password not verified", LOG_S("reason", "no memory"));
    if (right && kept.len && again)
        *again = crypto_pwhash_str_needs_rehash(hash, OPERATIONS, MEMORY) != 0;
    return right && kept.len ? DONE : right || wrong ? DENIED : BROKEN;
}
