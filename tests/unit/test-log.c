#include "../support/edge.h"
#include "../support/tap.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"

static struct arena *arena;
static char line[128 * 1024];

static int saved, sink;

/* What is logged now goes to a file. */
static void catch_begin(void)
{
    char path[] = "/tmp/confab-log-XXXXXX";
    saved = dup(STDERR_FILENO);
    sink = mkstemp(path);
    unlink(path);
    if (saved < 0 || sink < 0 || dup2(sink, STDERR_FILENO) < 0)
        abort();
}

/* The line that was logged, as JSON, or NULL: none, several, or none that can be read. */
static json_t *catch_end(void)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t len = pread(sink, line, sizeof line - 1, 0);
    close(sink);
    line[len < 0 ? 0 : len] = '\0';
    const char *end = strchr(line, '\n');
    return end && end[1] == '\0' ? json_loads(line, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static json_t *logged(struct text value)
{
    catch_begin();
    log_event(LOG_INFO, "event", LOG_T("value", edge_text(value)));
    return catch_end();
}

/* The value in the line, as it was read back. */
static bool reads(struct text value, struct text expected)
{
    json_t *json = logged(value), *text = json_object_get(json, "value");
    bool same = json_is_string(text) &&
                text_equal((struct text){ json_string_value(text), json_string_length(text) }, expected);
    json_decref(json);
    return same;
}

static void test_line(void)
{
    catch_begin();
    log_event(LOG_WARN, "csrf refused", LOG_S("origin", "https://x.org"), LOG_N("us", -7), LOG_S("none", NULL));
    json_t *json = catch_end();
    ok(json != NULL, "an event is one line of JSON");
    is(json_string_value(json_object_get(json, "event")), "csrf refused", "with its name");
    is(json_string_value(json_object_get(json, "level")), "warn", "its level");
    is(json_string_value(json_object_get(json, "program")), "tester", "its program");
    is(json_string_value(json_object_get(json, "origin")), "https://x.org", "its texts");
    is(json_string_value(json_object_get(json, "none")), "", "also one that is not there");
    ok(json_integer_value(json_object_get(json, "us")) == -7, "its numbers");
    ok(json_integer_value(json_object_get(json, "pid")) == getpid(), "and its process");
    const char *at = json_string_value(json_object_get(json, "at"));
    ok(at && strlen(at) == 24 && at[10] == 'T' && at[23] == 'Z', "at a time in UTC");
    json_decref(json);
    catch_begin();
    log_event(LOG_DEBUG, "event", LOG_N("x", 1));
    ok(catch_end() == NULL && line[0] == '\0', "what is below the least level is not written");
}

static void test_escapes(void)
{
    ok(reads(TEXT("a\"b\\c/d"), TEXT("a\"b\\c/d")), "quotes and backslashes");
    ok(reads(TEXT("a\nb\r\tc\x1b[31m\x7f"), TEXT("a\nb\r\tc\x1b[31m\x7f")) && !strpbrk(line, "\x1b\x7f\r\t"),
       "control bytes are escaped, so that no line can be forged");
    ok(reads(TEXT("a\0b"), TEXT("a\0b")), "and NUL");
    ok(reads(TEXT("Zo\xC3\xAB \xF0\x9F\x98\x80"), TEXT("Zo\xC3\xAB \xF0\x9F\x98\x80")), "UTF-8 stays");
    ok(reads(TEXT("\xFFx"), TEXT("\xC3\xBFx")), "other bytes are shown one by one");
    ok(reads(TEXT(""), TEXT("")), "an empty text");
}

static void test_cut(void)
{
    char *text = arena_alloc(arena, 2000);
    memset(text, 'x', 2000);
    json_t *json = logged((struct text){ text, 512 });
    ok(json_string_length(json_object_get(json, "value")) == 512, "512 bytes are shown");
    json_decref(json);
    json = logged((struct text){ text, 2000 });
    ok(json_string_length(json_object_get(json, "value")) == 515, "of more, the first ones and three dots");
    json_decref(json);
    for (int i = 0; i < 1000; i += 2)
        memcpy(text + i, "\xC3\xAB", 2);
    ok(reads((struct text){ text, 600 }, text_of(arena_printf(arena, "%.512s...", text))),
       "cut text is still readable");
    memmove(text + 1, text, 1000);
    text[0] = 'x';
    ok(reads((struct text){ text, 600 }, text_of(arena_printf(arena, "%.511s...", text))),
       "also when the cut would go through a letter");
}

static void test_many(void)
{
    char bad[512];
    memset(bad, 1, sizeof bad);
    struct text text = { bad, sizeof bad };
    catch_begin();
    log_event(LOG_INFO, "event", LOG_T("a", text), LOG_T("b", text), LOG_T("c", text), LOG_T("d", text),
              LOG_T("e", text), LOG_N("f", 1));
    json_t *json = catch_end();
    ok(json && json_integer_value(json_object_get(json, "f")) == 1, "many long texts still make one whole line");
    json_decref(json);
}

static void test_journal(void)
{
    struct stat file;
    catch_begin();
    if (fstat(STDERR_FILENO, &file) < 0)
        abort();
    setenv("JOURNAL_STREAM", arena_printf(arena, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino), 1);
    log_open("tester", LOG_DEBUG);
    log_event(LOG_ERROR, "event", LOG_N("x", 1));
    log_event(LOG_WARN, "event", LOG_N("x", 1));
    log_event(LOG_INFO, "event", LOG_N("x", 1));
    log_event(LOG_DEBUG, "event", LOG_N("x", 1));
    catch_end();
    char *rest = line;
    static const char *const begins[] = { "<3>{\"at\":", "<4>{\"at\":", "<6>{\"at\":", "<7>{\"at\":" };
    for (size_t i = 0; i < 4; i++) {
        const char *one = strsep(&rest, "\n");
        ok(one && strncmp(one, begins[i], strlen(begins[i])) == 0, "the journal is told the priority %.3s", begins[i]);
    }
    setenv("JOURNAL_STREAM", "1:2", 1);
    catch_begin();
    log_open("tester", LOG_INFO);
    log_event(LOG_ERROR, "event", LOG_N("x", 1));
    json_t *json = catch_end();
    ok(json != NULL, "who writes into another file than systemd gave it is told nothing");
    json_decref(json);
    unsetenv("JOURNAL_STREAM");
}

int main(void)
{
    arena = arena_new();
    log_open("tester", LOG_INFO);
    test_line();
    test_escapes();
    test_cut();
    test_many();
    test_journal();
    arena_free(&arena);
    return done();
}
