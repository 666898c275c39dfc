/* relay/outbox.c: bytes leave in order, in few calls, and what is half sent is never dropped. Over a pair of sockets.
 */
#include "relay/outbox.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/tap.h"
#include "relay/broadcast.h"

static struct outbox out;
static int ends[2];
static char *got;
static size_t got_len;

static void add(const char *text)
{
    struct broadcast *broadcast = broadcast_raw(text_of(text));
    outbox_add(&out, broadcast);
    broadcast_release(&broadcast);
}

static void receive(size_t most)
{
    ssize_t len;
    while (most && (len = recv(ends[1], got + got_len, most, MSG_DONTWAIT)) > 0) {
        got_len += (size_t)len;
        most -= (size_t)len;
    }
}

static void test_order(void)
{
    bool took;
    ok(outbox_send(&out, ends[0], &took) && !took, "nothing is sent of nothing");
    for (int i = 0; i < 200; i++)
        add(i % 2 ? "ab" : "c");
    ok(out.count == 200 && out.bytes == 300, "what waits is counted");
    ok(outbox_send(&out, ends[0], &took) && took && out.count == 0 && out.bytes == 0, "all of it leaves");
    receive(1000);
    bool good = got_len == 300;
    for (size_t i = 0; i < got_len; i++)
        good = good && got[i] == "cab"[i % 3];
    ok(good, "in order");
    got_len = 0;
}

static void test_full(void)
{
    static char large[1000001];
    bool took;
    memset(large, 'x', sizeof large - 1);
    add("first");
    add(large);
    add("last");
    ok(outbox_send(&out, ends[0], &took) && took && out.count == 2 && out.sent > 0, "a full socket takes a part");
    ok(outbox_send(&out, ends[0], &took) && !took, "and then nothing");
    outbox_cut(&out);
    ok(out.count == 1 && out.bytes == 1000000, "what is half sent stays when the rest is dropped");
    add("bye");
    while (out.count && outbox_send(&out, ends[0], &took))
        receive(100000);
    receive(10000000);
    ok(got_len == 1000008 && memcmp(got, "firstx", 6) == 0 && memcmp(got + got_len - 4, "xbye", 4) == 0,
       "it is finished, and what was queued since follows");
    add("never sent");
    outbox_cut(&out);
    ok(out.count == 0, "what was not begun is dropped");
}

static void test_told(void)
{
    bool took;
    struct broadcast *told = broadcast_frame(OPCODE_TEXT, TEXT("a message"), 7);
    add("an answer");
    outbox_add(&out, told);
    outbox_add(&out, told);
    ok(out.told == 2 * told->len && out.bytes == 9 + out.told, "what tells of a message is counted apart from answers");
    outbox_cut(&out);
    ok(out.told == 0 && out.bytes == 0, "also when it is dropped");
    outbox_add(&out, told);
    ok(outbox_send(&out, ends[0], &took) && out.told == 0, "and when it leaves");
    broadcast_release(&told);
}

/* Send so many bytes of it, cut, send the rest: how many arrive. */
static size_t cut_after(struct broadcast *joined, size_t bytes)
{
    receive(1000000); /* what earlier tests left */
    outbox_add(&out, joined);
    add("never sent");
    out.sent = (uint32_t)bytes; /* as if they had left */
    outbox_cut(&out);
    bool took;
    got_len = 0;
    outbox_send(&out, ends[0], &took);
    receive(1000000);
    return got_len;
}

static void test_joined(void)
{
    static char long_text[70000];
    memset(long_text, 'y', sizeof long_text);
    struct broadcast *frames[] = { broadcast_frame(OPCODE_TEXT, TEXT("12345"), 1),
                                   broadcast_frame(OPCODE_TEXT, (struct text){ long_text, 300 }, 2),
                                   broadcast_frame(OPCODE_TEXT, (struct text){ long_text, sizeof long_text }, 3) };
    struct broadcast *joined = broadcast_join(frames, 3);
    size_t first = frames[0]->len, second = first + frames[1]->len;
    ok(joined->rev == 3 && joined->len == second + frames[2]->len, "several frames in one");
    ok(cut_after(joined, 1) == first - 1, "a cut lets the frame that is half sent end");
    ok(cut_after(joined, first) == 0, "but sends none of those behind it");
    ok(cut_after(joined, first + 1) == frames[1]->len - 1, "also a longer one");
    ok(cut_after(joined, second + 5) == frames[2]->len - 5, "and the last");
    ok(out.count == 0 && out.bytes == 0 && out.told == 0, "nothing is left behind");
    for (int i = 0; i < 3; i++)
        broadcast_release(&frames[i]);
    ok(joined->references == 1, "all of it was given back");
    broadcast_release(&joined);
}

static void test_broken(void)
{
    bool took;
    add("to nobody");
    close(ends[1]);
    ok(!outbox_send(&out, ends[0], &took), "a broken connection is told");
    outbox_free(&out);
    ok(out.count == 0 && out.items == NULL, "nothing is kept");
}

int main(void)
{
    got = malloc(2000000);
    if (!got || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
    test_order();
    test_full();
    test_told();
    test_joined();
    test_broken();
    free(got);
    return done();
}
