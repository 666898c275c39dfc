#include "base/clock.h"

#include <time.h>

#include "base/must.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    must(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_steady(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* So many digits of a number; a year has four. */
static char *put(char *at, int number, int digits, char behind)
{
    for (int i = digits; i--; number /= 10)
        at[i] = (char)('0' + number % 10);
    at[digits] = behind;
    return at + digits + 1;
}

char *clock_text(int64_t at, char out[CLOCK_TEXT_SIZE])
{
    int64_t micros = at % 1000000;
    time_t seconds = (time_t)(at / 1000000 - (micros < 0));
    if (micros < 0)
        micros += 1000000;
    struct tm utc;
    must(gmtime_r(&seconds, &utc) != NULL && utc.tm_year >= -1900 && utc.tm_year <= 9999 - 1900);
    char *end = put(out, utc.tm_year + 1900, 4, '-');
    end = put(end, utc.tm_mon + 1, 2, '-');
    end = put(end, utc.tm_mday, 2, 'T');
    end = put(end, utc.tm_hour, 2, ':');
    end = put(end, utc.tm_min, 2, ':');
    end = put(end, utc.tm_sec, 2, '.');
    end = put(end, (int)(micros / 1000), 3, 'Z');
    *end = '\0';
    return out;
}
