/* What may be a password, and how one is kept. */
#include "../support/edge.h"
#include "../support/settings.h"
#include "../support/tap.h"

#include <sodium.h>

#include "base/arena.h"
#include "base/clock.h"
#include "chat/password.h"

static struct arena *arena;
static const struct config *config;

/* What is wrong with it, or NULL. */
static const char *wrong(struct text password, const char *email, const char *name)
{
    struct errors errors = { 0 };
    bool good = password_check(config, edge_text(password), text_of(email), text_of(name), &errors);
    ok(good != errors_any(&errors) && errors.count <= 1, "one sentence, or none");
    return errors_first(&errors, "password");
}

static const char *wrong_word(const char *password)
{
    return wrong(text_of(password), "simon@example.org", "Simon Peter");
}

/* So many characters, none like the one before; each of so many bytes. */
static struct text varied(size_t count, size_t bytes)
{
    static const char letters[] = "kz4vq8tw2mxj7bd9nc5h";
    char *at = arena_alloc(arena, count * bytes + 1);
    for (size_t i = 0; i < count; i++)
        if (bytes == 1) {
            at[i] = letters[(i * 7 + i / 20) % 20];
        } else { /* F0 9F 98 80 and on: emoticons */
            memcpy(at + 4 * i, "\xF0\x9F\x98\x80", 4);
            at[4 * i + 3] = (char)(0x80 + (i * 11 + i / 5) % 64);
        }
    return (struct text){ at, count * bytes };
}

static void test_length(void)
{
    static const char little[] = "should be at least 12 character(s)", much[] = "should be at most 72 character(s)";
    for (size_t bytes = 1; bytes <= 4; bytes += 3) {
        is(wrong(varied(11, bytes), "", ""), little, "11 characters of %zu bytes are too few", bytes);
        is(wrong(varied(12, bytes), "", ""), NULL, "12 are enough");
        is(wrong(varied(72, bytes), "", ""), NULL, "72 are not too many");
        is(wrong(varied(73, bytes), "", ""), much, "73 are");
    }
    is(wrong(TEXT(""), "", ""), "can't be blank", "none is none");
    is(wrong(varied(100000, 1), "", ""), much, "a hundred thousand are too many");
    is(wrong(TEXT("            "), "", ""), "is too easily guessed",
       "nothing is trimmed, but spaces alone are no secret");
    is(wrong(TEXT("  kz4vq8tw2m  "), "", ""), NULL, "spaces around it count");
    is(wrong(TEXT("kz4vq8\0w2mxj7"), "", ""), NULL, "so does a NUL");
    is(wrong(TEXT("kz4vq8tw2\xFFmxj7"), "", ""), "must be UTF-8 text", "what is no UTF-8 cannot be counted");
    is(wrong(TEXT("kz4vq8tw2mxj7\xC3"), "", ""), "must be UTF-8 text", "nor what ends within a character");
}

static void test_guessed(void)
{
    static const char *const bad[] = {
        "passwordpassword", "PasswordPassword",  "password1234",       "123456789012",
        "111111111111",     "abcdefghijkl",      "zyxwvutsrqpo",       "qwertyuiop123",
        "qwertyqwerty",     "letmeinletmein",    "iloveyou1234",       "correcthorsebatterystaple",
        "simonsimonsimo",   "Simon@example.org", "simon@EXAMPLE.org1", "Simon PeterSimon",
        "confabconfab",     "confab123456",      "abcabcabcabc",       "a1b2a1b2a1b2",
        "administrator",    "aaaabbbbcccc",      "chat.example.org",   "chat.example.org!!",
    };
    static const char *const good[] = { "kz4vq8tw2mxj",        "a horse of 7 colours", "my password is a secret to me",
                                        "simon likes 3 pears", "Grüße aus der Küche",  "wet dog under table" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        is(wrong_word(bad[i]), "is too easily guessed", "refused: %s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        is(wrong_word(good[i]), NULL, "taken: %s", good[i]);
    is(wrong(TEXT("bobo likes pears"), "bo@example.org", ""), NULL, "an own word of two letters is in every sentence");
    is(wrong(varied(72, 1), "", ""), NULL, "no address and no name are no words");
}

static enum outcome verify(struct text password, struct text kept, bool *again)
{
    return password_verify(config, arena, password, kept, again);
}

static void test_kept(void)
{
    struct text one = { 0 }, two = { 0 };
    bool again = true;
    struct text password = TEXT("abc\0def and more");
    ok(password_hash(config, arena, edge_text(password), &one) == DONE &&
           text_starts(one, "$argon2id$v=19$m=65536,t=2,p=1$"),
       "Argon2id with 64 MiB, twice over");
    ok(password_hash(config, arena, password, &two) == DONE && !text_equal(one, two), "salted");
    ok(verify(edge_text(password), one, &again) == DONE && !again, "the right one is right");
    ok(verify(password, two, NULL) == DONE, "and nobody has to ask more");
    static const struct text others[] = {
        { "abc", 3 }, { "abc\0def and mor", 15 },  { "Abc\0def and more", 16 }, { "abc\0xef and more", 16 },
        { "", 0 },    { " abc\0def and more", 17 }
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ok(verify(others[i], one, &again) == DENIED && !again, "another one is wrong: %zu", i);
    struct text longer = varied(PASSWORD_BYTES_MAX + 1, 1);
    ok(verify(longer, one, NULL) == DENIED && verify(longer, TEXT(""), NULL) == DENIED, "one that is too long as well");
    ok(verify(TEXT(""), TEXT(""), &again) == DENIED && !again, "nobody has no password");
    ok(verify(password, TEXT("$argon2id$v=19$m=65536,t=2,p=1$nonsense"), &again) == BROKEN && !again,
       "what cannot be read is neither right nor wrong");
    ok(verify(password, TEXT("$2b$12$x"), &again) == DENIED, "what is of another kind is never right");
}

static void test_rehash(void)
{
    char kept[crypto_pwhash_STRBYTES] = { 0 };
    bool again = false;
    if (crypto_pwhash_str_alg(kept, "old password", 12, 1, 8 * 1024 * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
        abort();
    ok(verify(TEXT("old password"), text_of(kept), &again) == DONE && again,
       "one of weaker parameters should be kept anew");
    ok(verify(TEXT("new password"), text_of(kept), &again) == DENIED && !again, "but only if it is right");
}

static int compare(const void *a, const void *b)
{
    const int64_t *one = a, *two = b;
    return (*one > *two) - (*one < *two);
}

/* Microseconds of a wrong password against what is kept. */
static int64_t time_of(struct text kept)
{
    int64_t began = clock_steady();
    if (verify(TEXT("not the password"), kept, NULL) != DENIED)
        abort();
    return clock_steady() - began;
}

/* Medians, of tries in turn: both see the same machine. */
static void test_time(void)
{
    enum { TRIES = 9 };
    int64_t wrong_one[TRIES], nobody[TRIES];
    struct text kept;
    if (password_hash(config, arena, TEXT("the password"), &kept) != DONE)
        abort();
    for (size_t i = 0; i < TRIES; i++) {
        wrong_one[i] = time_of(kept);
        nobody[i] = time_of(TEXT(""));
    }
    qsort(wrong_one, TRIES, sizeof wrong_one[0], compare);
    qsort(nobody, TRIES, sizeof nobody[0], compare);
    int64_t one = wrong_one[TRIES / 2], other = nobody[TRIES / 2];
    printf("# wrong password %lld us, nobody %lld us\n", (long long)one, (long long)other);
    ok(other * 2 > one && one * 2 > other, "an account that is not there takes as long as a wrong password");
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    arena = arena_new();
    config = settings(arena, "[site]\nurl = " SETTINGS_URL "\ndata = /\n[session]\nkeys = " SETTINGS_KEY_A "\n");
    test_length();
    test_guessed();
    test_kept();
    test_rehash();
    test_time();
    arena_free(&arena);
    return done();
}
