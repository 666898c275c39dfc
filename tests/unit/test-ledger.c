/* The checker of the fault campaigns, on feeds that are deliberately wrong. */
#include "tests/support/load/ledger.h"
#include "tests/support/tap.h"

enum { MESSAGES = 20, READERS = 3 };

/* What is done to the feed of the middle reader, or to the rows. */
enum wrong { RIGHT, DROP, DROP_LAST, TWICE, SWAP, OTHER, LIE, PLACE, STORED_TWICE, RESET, AGAIN };

static void feed(struct ledger *ledger, size_t reader, enum wrong wrong)
{
    for (int64_t seq = 4; seq <= MESSAGES; seq++) {
        bool here = reader == 1 && seq == 10;
        if ((here && wrong == DROP) || (reader == 1 && seq == MESSAGES && wrong == DROP_LAST))
            continue;
        if (here && wrong == RESET) {
            seq = 15;
            ledger_reset(ledger, reader, seq);
        }
        if (here && wrong == SWAP) {
            ledger_shown(ledger, reader, 11, 111);
            ledger_shown(ledger, reader, 10, 110);
            seq = 11;
            continue;
        }
        ledger_shown(ledger, reader, seq, 100 + seq + (here && wrong == OTHER));
        if (here && (wrong == TWICE || wrong == AGAIN))
            ledger_shown(ledger, reader, wrong == TWICE ? seq : 5, 100 + (wrong == TWICE ? seq : 5));
    }
}

static struct verdict judge(enum wrong wrong)
{
    struct ledger *ledger = ledger_new(READERS);
    for (size_t reader = 0; reader < READERS; reader++) {
        ledger_begins(ledger, reader, 3);
        feed(ledger, reader, wrong);
    }
    for (int64_t seq = 1; seq <= MESSAGES; seq++) {
        ledger_stored(ledger, seq, seq == 2 ? LEDGER_FOREIGN : 100 + seq);
        if (seq != 2 && seq != 7)
            ledger_acknowledged(ledger, 100 + seq, seq % 2 ? seq : 0);
    }
    if (wrong == LIE)
        ledger_acknowledged(ledger, 99, 0);
    if (wrong == PLACE)
        ledger_acknowledged(ledger, 107, 8);
    if (wrong == STORED_TWICE)
        ledger_stored(ledger, MESSAGES + 1, 107);
    struct verdict verdict = ledger_judge(ledger);
    ledger_free(&ledger);
    return verdict;
}

int main(void)
{
    struct verdict verdict = judge(RIGHT);
    ok(verdict_good(&verdict), "a right feed is right");
    ok(verdict.stored == 20 && verdict.acknowledged == 18 && verdict.shown == 51, "and counted");
    verdict = judge(DROP);
    ok(!verdict_good(&verdict) && verdict.lost == 1 && !verdict.twice && !verdict.reordered, "one is dropped: lost");
    verdict = judge(DROP_LAST);
    ok(!verdict_good(&verdict) && verdict.lost == 1, "the last one is dropped: lost");
    verdict = judge(TWICE);
    ok(!verdict_good(&verdict) && verdict.twice == 1 && !verdict.lost && !verdict.reordered, "one comes twice");
    verdict = judge(AGAIN);
    ok(!verdict_good(&verdict) && verdict.twice == 1 && !verdict.reordered, "an old one comes again: twice");
    verdict = judge(SWAP);
    ok(!verdict_good(&verdict) && verdict.reordered == 1 && !verdict.lost && !verdict.twice, "two change places");
    verdict = judge(OTHER);
    ok(!verdict_good(&verdict) && verdict.strange == 1 && !verdict.lost, "another text at that place");
    verdict = judge(LIE);
    ok(!verdict_good(&verdict) && verdict.missing == 1, "acknowledged, and not in the database");
    verdict = judge(PLACE);
    ok(!verdict_good(&verdict) && verdict.strange == 1, "acknowledged with another place");
    verdict = judge(STORED_TWICE);
    ok(!verdict_good(&verdict) && verdict.stored_twice == 1, "in the database twice");
    ok(verdict.lost == READERS, "and then nobody was shown the second");
    verdict = judge(RESET);
    ok(verdict_good(&verdict) && verdict.excused == 5, "whoever is told to begin anew has lost nothing");
    return done();
}
