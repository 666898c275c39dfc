#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/utf8.h"

/* A line holds a dozen texts of which every byte had to be escaped: it is never cut, so it can always be parsed. */
enum { LINE_LIMIT = 64 * 1024, LINE_USUAL = 512, TEXT_LIMIT = 512 };

static const char *program_name = "confab";
static enum log_level least_level = LOG_INFO;
static bool to_journal;

/* Does standard error lead to systemd's journal? It says which descriptor does: systemd.exec(5), JOURNAL_STREAM. */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char ours[48];
    struct stat file;
    if (!stream || fstat(STDERR_FILENO, &file) < 0)
        return false;
    snprintf(ours, sizeof ours, "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    return strcmp(ours, stream) == 0;
}

void log_open(const char *program, enum log_level least)
{
    program_name = program;
    least_level = least;
    to_journal = is_journal();
}

/* The beginning of a text, not cut inside a character. */
static struct text shorten(struct text text)
{
    size_t len = TEXT_LIMIT;
    while (len > TEXT_LIMIT - 3 && ((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    return (struct text){ text.at, len };
}

static void add_escaped(struct buffer *line, struct text text)
{
    bool cut = text.len > TEXT_LIMIT;
    if (cut)
        text = shorten(text);
    bool plain = utf8_valid(text);
    size_t done = 0;
    buffer_char(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool quoted = c == '"' || c == '\\';
        if (!quoted && c >= 0x20 && c != 0x7F && (c < 0x80 || plain))
            continue;
        buffer_add(line, text.at + done, i - done);
        buffer_printf(line, quoted ? "\\%c" : "\\u%04x", c);
        done = i + 1;
    }
    buffer_add(line, text.at + done, text.len - done);
    buffer_string(line, cut ? "...\"" : "\"");
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    static const char *const priorities[] = { "<7>", "<6>", "<4>", "<3>" }; /* sd-daemon(3) */
    if (level < least_level)
        return;
    int saved = errno;
    char at[CLOCK_TEXT_SIZE];
    struct buffer line = buffer_new(LINE_LIMIT);
    buffer_expect(&line, LINE_USUAL);
    buffer_string(&line, to_journal ? priorities[level] : "");
    buffer_printf(&line, "{\"at\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%ld,\"event\":",
                  clock_text(clock_now(), at), names[level], program_name, (long)getpid());
    add_escaped(&line, text_of(event));
    for (const struct log_field *field = fields; field->key; field++) {
        buffer_add(&line, ",\"", 2);
        buffer_string(&line, field->key);
        buffer_add(&line, "\":", 2);
        if (field->kind == LOG_NUMBER)
            buffer_number(&line, field->number);
        else
            add_escaped(&line, field->text);
    }
    buffer_string(&line, "}\n");
    if (write(STDERR_FILENO, line.at, line.len) < 0)
        errno = 0; /* nowhere left to say it */
    buffer_free(&line);
    errno = saved;
}
