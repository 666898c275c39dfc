/* What the load generators share: time, the arguments of a command line, percentiles, and what processes use. */
#ifndef CONFAB_BENCH_MEASURE_H
#define CONFAB_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Say why, and end. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* calloc that does not fail. */
void *zeroed(size_t count, size_t size) __attribute__((returns_nonnull));

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t now_ns(void);

void sleep_until(int64_t ns);

/* The arguments are key=value; what is not given is the fallback. Every key of argv must be asked for before
 * arguments_done, which ends with an error at one that nobody knows. */
void arguments(int argc, char **argv);
const char *argument(const char *key, const char *fallback);
int64_t argument_number(const char *key, int64_t fallback);
void arguments_done(void);

/* Times as they come, in nanoseconds. Percentiles are in milliseconds; 0 when there are none. */
struct times {
    int64_t *items;
    size_t count, size;
};
void times_add(struct times *, int64_t ns);
double times_percentile(struct times *, double part);

/* Groups of processes, from "relay:12,nginx:34": each process with all that descend from it. */
enum { GROUPS_MAX = 8 };
struct group {
    char name[32];
    int pid;
    double cpu;  /* seconds, of all threads, as of the last look */
    int64_t pss; /* bytes */
    int64_t rss;
};
struct groups {
    struct group items[GROUPS_MAX];
    size_t count;
};
void groups_parse(struct groups *, const char *list);
void groups_cpu(struct groups *);
void groups_memory(struct groups *);

/* Room for that many descriptors, or the end. */
void descriptors(int64_t wanted);

#endif
