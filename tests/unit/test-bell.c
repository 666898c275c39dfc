/* chat/bell.c: what is rung arrives, and where nobody hears it the answer is no, at once. */
#include "../support/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../support/edge.h"
#include "base/listen.h"
#include "chat/bell.h"

static char folder[] = "/tmp/bellXXXXXX", where[64];
static const char *path;
static struct listening hearer;

static bool read_says(const char *bytes, size_t len, int64_t expected)
{
    int64_t room = -1;
    bool good = bell_read((const unsigned char *)edge_bytes(bytes, len).at, len, &room);
    return expected ? good && room == expected : !good && room == -1;
}

static void test_read(void)
{
    ok(read_says("\0\0\0\0\0\0\0\1", 8, 1), "a room's number");
    ok(read_says("\1\2\3\4\5\6\7\x08", 8, 0x0102030405060708), "its highest byte comes first");
    ok(read_says("\x7f\xff\xff\xff\xff\xff\xff\xff", 8, INT64_MAX), "the highest number");
    ok(read_says("\0\0\0\0\0\0\0\0", 8, 0), "no room has the number 0");
    ok(read_says("\x80\0\0\0\0\0\0\0", 8, 0) && read_says("\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0),
       "nor a negative one");
    ok(read_says("", 0, 0) && read_says("\0\0\0\0\0\0\1", 7, 0) && read_says("\0\0\0\0\0\0\0\0\1", 9, 0),
       "another length says nothing");
    for (int i = 0; i < 100000; i++) {
        char bytes[32];
        int64_t room = 0;
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)random();
        size_t len = (size_t)random() % sizeof bytes;
        if (bell_read((unsigned char *)bytes, len, &room) && (len != 8 || room <= 0))
            ok(false, "random bytes are read as room %lld", (long long)room);
    }
}

/* What the hearer gets; 0: nothing that is a number. */
static int64_t heard(void)
{
    unsigned char bytes[BELL_BYTES + 1];
    int64_t room = 0;
    ssize_t len = recv(hearer.fd, bytes, sizeof bytes, 0);
    return len >= 0 && bell_read(bytes, (size_t)len, &room) ? room : 0;
}

static void test_rung(void)
{
    struct bell *bell = bell_new(where);
    ok(!bell_there(bell) && !bell_ring(bell, 7), "nobody is there");
    ok(listen_datagrams(where, &hearer), "somebody comes");
    ok(!bell_there(bell), "which is not looked for at each ring");
    usleep(1100000);
    ok(bell_there(bell) && bell_ring(bell, 7) && heard() == 7, "but a second later, and then it is heard");
    ok(bell_ring(bell, INT64_MAX) && heard() == INT64_MAX, "whatever the number");
    bell_free(&bell);
    ok(!bell, "it is taken down");
}

static void test_replaced(void)
{
    struct bell *bell = bell_new(where);
    struct listening old = hearer;
    ok(bell_ring(bell, 1), "a ring that nobody will read");
    ok(listen_datagrams(where, &hearer), "another one takes the path over");
    listen_close(&old);
    ok(access(path, F_OK) == 0, "and the old one leaves it to the other");
    ok(bell_ring(bell, 2) && heard() == 2, "the next ring goes there at once");
    shutdown(hearer.fd, SHUT_RD);
    ok(!bell_ring(bell, 3), "one that takes no more is not rung");
    ok(heard() == 0 && errno == EAGAIN, "and has got nothing");
    listen_close(&hearer);
    ok(access(path, F_OK) != 0, "the path is gone with its owner");
    ok(!bell_ring(bell, 4) && !bell_there(bell), "and then nobody is there");
    bell_free(&bell);
}

static void test_full(void)
{
    struct bell *bell = bell_new(where);
    int64_t rung = 0, got = 0;
    ok(listen_datagrams(where, &hearer), "somebody who does not read");
    while (rung < 100000 && bell_ring(bell, rung + 1))
        rung++;
    ok(rung > 0 && rung < 100000, "takes some, and no more");
    ok(bell_there(bell), "but is still there");
    while (heard() == got + 1)
        got++;
    ok(got == rung, "all that were taken can be read, in order");
    ok(bell_ring(bell, 5) && heard() == 5, "and then it rings again");
    ok(bell_ring(bell, 6), "what is not read at once may be read soon");
    usleep(250000);
    ok(!bell_there(bell) && !bell_ring(bell, 7), "but not so late: then nobody seems to be there");
    ok(heard() == 6 && bell_there(bell) && bell_ring(bell, 8) && heard() == 8, "until it has been read");
    listen_close(&hearer);
    bell_free(&bell);
}

static void test_none(void)
{
    struct bell *none = bell_new("");
    ok(!none && !bell_there(none) && !bell_ring(none, 1), "without a path there is no bell");
    bell_free(&none);
    ok(!listen_datagrams("unix:/nowhere/bell.sock", &hearer) && errno == ENOENT && hearer.fd < 0,
       "and in no folder that is missing");
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(where, sizeof where, "unix:%s/bell.sock", folder);
    path = where + strlen("unix:");
    test_read();
    test_rung();
    test_replaced();
    test_full();
    test_none();
    rmdir(folder);
    return done();
}
