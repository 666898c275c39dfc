#include "tests/support/load/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

/* An array that is as long as the highest index asked for, zeroed behind what was written. */
struct series {
    struct entry {
        int64_t value; /* a number or a seq, plus 2, so that 0 is nothing and LEDGER_FOREIGN something */
        uint32_t count;
    } * at;
    size_t size;
};

struct log {
    struct series shown; /* by seq */
    int64_t begins, highest;
    size_t reordered, excused;
};

struct ledger {
    struct series acknowledged, places; /* by number */
    struct series stored;               /* by seq */
    int64_t last;                       /* the highest seq stored */
    size_t reader_count;
    struct log *readers;
};

enum { SHIFT = 2 };

static struct entry *entry(struct series *series, int64_t index)
{
    must(index >= 0);
    if ((size_t)index >= series->size) {
        size_t size = series->size ? series->size : 1024;
        while (size <= (size_t)index)
            size *= 2;
        series->at = reallocarray(series->at, size, sizeof *series->at);
        must(series->at != NULL);
        memset(series->at + series->size, 0, (size - series->size) * sizeof *series->at);
        series->size = size;
    }
    return &series->at[index];
}

static struct entry look(const struct series *series, int64_t index)
{
    return index >= 0 && (size_t)index < series->size ? series->at[index] : (struct entry){ 0 };
}

static void note(struct series *series, int64_t index, int64_t value)
{
    struct entry *found = entry(series, index);
    if (!found->count++)
        found->value = value + SHIFT;
}

struct ledger *ledger_new(size_t readers)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    must(ledger != NULL);
    ledger->reader_count = readers;
    ledger->readers = calloc(readers ? readers : 1, sizeof *ledger->readers);
    must(ledger->readers != NULL);
    return ledger;
}

void ledger_free(struct ledger **gone)
{
    struct ledger *ledger = *gone;
    if (!ledger)
        return;
    for (size_t i = 0; i < ledger->reader_count; i++)
        free(ledger->readers[i].shown.at);
    free(ledger->readers);
    free(ledger->acknowledged.at);
    free(ledger->places.at);
    free(ledger->stored.at);
    free(ledger);
    *gone = NULL;
}

void ledger_acknowledged(struct ledger *ledger, int64_t number, int64_t seq)
{
    note(&ledger->acknowledged, number, seq);
}

void ledger_begins(struct ledger *ledger, size_t reader, int64_t seq)
{
    must(reader < ledger->reader_count);
    ledger->readers[reader].begins = ledger->readers[reader].highest = seq;
}

void ledger_shown(struct ledger *ledger, size_t reader, int64_t seq, int64_t number)
{
    must(reader < ledger->reader_count);
    struct log *log = &ledger->readers[reader];
    if (seq < log->highest && !look(&log->shown, seq).count)
        log->reordered++;
    if (seq > log->highest)
        log->highest = seq;
    note(&log->shown, seq, number);
}

void ledger_reset(struct ledger *ledger, size_t reader, int64_t seq)
{
    must(reader < ledger->reader_count);
    struct log *log = &ledger->readers[reader];
    for (int64_t at = log->highest + 1; at < seq; at++) {
        entry(&log->shown, at)->count = 1;
        log->excused++;
    }
    if (seq - 1 > log->highest)
        log->highest = seq - 1;
}

void ledger_stored(struct ledger *ledger, int64_t seq, int64_t number)
{
    note(&ledger->stored, seq, number);
    if (number >= 0)
        note(&ledger->places, number, seq);
    if (seq > ledger->last)
        ledger->last = seq;
}

static void judge_reader(const struct ledger *ledger, const struct log *log, struct verdict *verdict)
{
    int64_t last = log->highest > ledger->last ? log->highest : ledger->last;
    for (int64_t seq = log->begins + 1; seq <= last; seq++) {
        struct entry shown = look(&log->shown, seq), stored = look(&ledger->stored, seq);
        if (stored.count && !shown.count) {
            verdict->lost++;
            fprintf(stderr, "lost: reader %td, seq %lld of %lld to %lld\n", log - ledger->readers, (long long)seq,
                    (long long)log->begins, (long long)last);
        }
        if (shown.count > 1)
            verdict->twice += shown.count - 1;
        if (shown.value && shown.value != stored.value)
            verdict->strange++;
        verdict->shown += shown.count;
    }
    verdict->reordered += log->reordered;
    verdict->excused += log->excused;
    verdict->shown -= log->excused;
}

static void judge_posts(const struct ledger *ledger, struct verdict *verdict)
{
    for (size_t number = 0; number < ledger->acknowledged.size; number++) {
        struct entry told = ledger->acknowledged.at[number], place = look(&ledger->places, (int64_t)number);
        if (!told.count)
            continue;
        verdict->acknowledged++;
        if (!place.count)
            verdict->missing++;
        else if (told.value != SHIFT && told.value != place.value)
            verdict->strange++;
    }
    for (size_t number = 0; number < ledger->places.size; number++)
        if (ledger->places.at[number].count > 1)
            verdict->stored_twice += ledger->places.at[number].count - 1;
}

struct verdict ledger_judge(const struct ledger *ledger)
{
    struct verdict verdict = { 0 };
    for (int64_t seq = 1; seq <= ledger->last; seq++)
        verdict.stored += look(&ledger->stored, seq).count;
    for (size_t i = 0; i < ledger->reader_count; i++)
        judge_reader(ledger, &ledger->readers[i], &verdict);
    judge_posts(ledger, &verdict);
    return verdict;
}

bool verdict_good(const struct verdict *verdict)
{
    return !(verdict->lost || verdict->twice || verdict->reordered || verdict->missing || verdict->stored_twice ||
             verdict->strange);
}
