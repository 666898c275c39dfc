#include "tests/bench/measure.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PROCESSES_MAX = 4096, ARGUMENTS_MAX = 64 };

static char **given;
static int given_count;
static bool asked[ARGUMENTS_MAX];

void die(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(2);
}

void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        die("out of memory");
    return memory;
}

/* --- time --- */

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void sleep_until(int64_t ns)
{
    struct timespec at = { ns / 1000000000, ns % 1000000000 };
    while (now_ns() < ns)
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

/* --- arguments --- */

void arguments(int argc, char **argv)
{
    given = argv + 1;
    given_count = argc - 1;
    if (given_count > ARGUMENTS_MAX)
        die("too many arguments");
}

const char *argument(const char *key, const char *fallback)
{
    size_t len = strlen(key);
    for (int i = 0; i < given_count; i++) {
        if (strncmp(given[i], key, len) == 0 && given[i][len] == '=') {
            asked[i] = true;
            return given[i] + len + 1;
        }
    }
    return fallback;
}

int64_t argument_number(const char *key, int64_t fallback)
{
    const char *value = argument(key, NULL);
    char *end = NULL;
    if (!value)
        return fallback;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end || number < 0)
        die("%s=%s is no number", key, value);
    return number;
}

void arguments_done(void)
{
    for (int i = 0; i < given_count; i++)
        if (!asked[i])
            die("unknown argument %s", given[i]);
}

/* --- times --- */

void times_add(struct times *times, int64_t ns)
{
    if (times->count == times->size) {
        times->size = times->size ? times->size * 2 : 4096;
        times->items = reallocarray(times->items, times->size, sizeof *times->items);
        if (!times->items)
            die("out of memory");
    }
    times->items[times->count++] = ns;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

double times_percentile(struct times *times, double part)
{
    if (!times->count)
        return 0;
    qsort(times->items, times->count, sizeof *times->items, by_value);
    size_t at = (size_t)(part * (double)times->count);
    return (double)times->items[at < times->count ? at : times->count - 1] / 1e6;
}

/* --- processes --- */

void groups_parse(struct groups *groups, const char *list)
{
    while (*list) {
        struct group *group = &groups->items[groups->count];
        int len = 0;
        if (groups->count == GROUPS_MAX || sscanf(list, "%31[a-z]:%d%n", group->name, &group->pid, &len) != 2)
            die("pids=%s: expected name:pid,name:pid", list);
        groups->count++;
        list += len;
        list += *list == ',';
    }
}

static int parent_of(int pid)
{
    char path[64], line[512];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    const char *end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    if (end)
        sscanf(end + 1, " %*c %d", &parent);
    fclose(file);
    return parent;
}

struct process {
    int pid, parent;
};

static size_t all_processes(struct process *out)
{
    size_t count = 0;
    DIR *folder = opendir("/proc");
    if (!folder)
        die("no /proc");
    for (const struct dirent *entry; (entry = readdir(folder)) && count < PROCESSES_MAX;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        int pid = (int)strtol(entry->d_name, NULL, 10);
        out[count++] = (struct process){ pid, parent_of(pid) };
    }
    closedir(folder);
    return count;
}

/* Nanoseconds on a CPU, of every thread; what the kernel does for it in its system calls is in there. */
static double cpu_of(int pid)
{
    char path[96];
    double seconds = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        unsigned long long ns;
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.16s/schedstat", pid, entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%llu", &ns) == 1)
            seconds += (double)ns / 1e9;
        if (file)
            fclose(file);
    }
    if (folder)
        closedir(folder);
    return seconds;
}

static void memory_of(int pid, struct group *group)
{
    char path[64], line[256];
    long kilobytes;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Pss: %ld kB", &kilobytes) == 1)
            group->pss += kilobytes * 1024;
        else if (sscanf(line, "Rss: %ld kB", &kilobytes) == 1)
            group->rss += kilobytes * 1024;
    }
    if (file)
        fclose(file);
}

static bool descends(const struct process *all, size_t count, int pid, int root)
{
    for (int steps = 0; pid > 1 && steps < 8; steps++) {
        if (pid == root)
            return true;
        int parent = 0;
        for (size_t i = 0; i < count; i++)
            if (all[i].pid == pid)
                parent = all[i].parent;
        pid = parent;
    }
    return false;
}

static void look(struct groups *groups, bool memory)
{
    static struct process all[PROCESSES_MAX];
    size_t count = all_processes(all);
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->items[i];
        if (memory)
            group->pss = group->rss = 0;
        else
            group->cpu = 0;
        for (size_t k = 0; k < count; k++) {
            if (!descends(all, count, all[k].pid, group->pid))
                continue;
            if (memory)
                memory_of(all[k].pid, group);
            else
                group->cpu += cpu_of(all[k].pid);
        }
    }
}

void groups_cpu(struct groups *groups)
{
    look(groups, false);
}

void groups_memory(struct groups *groups)
{
    look(groups, true);
}

void descriptors(int64_t wanted)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if ((int64_t)limit.rlim_cur < wanted)
        die("RLIMIT_NOFILE is %lld, %lld are needed", (long long)limit.rlim_cur, (long long)wanted);
}
