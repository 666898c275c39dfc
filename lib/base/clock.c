#include "base/clock.h"

#include <stdio.h>
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

char *clock_text(int64_t at, char out[CLOCK_TEXT_SIZE])
{
    int64_t micros = at % 1000000;
    time_t seconds = (time_t)(at / 1000000 - (micros < 0));
    if (micros < 0)
        micros += 1000000;
    struct tm utc;
    must(gmtime_r(&seconds, &utc) != NULL);
    char date[32];
    must(strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 19);
    snprintf(out, CLOCK_TEXT_SIZE, "%.19s.%03uZ", date, (unsigned)(micros / 1000) % 1000);
    return out;
}
