/* lib/live/poll*.c and mailbox.c on a database: CONFAB_CONF names the site, the only argument is its owner's connection
 * string; tests/sql/poll.t gives both. Without an argument it is skipped. */
#include "../support/tap.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/must.h"
#include "db/db.h"
#include "live/channel.h"
#include "live/mailbox.h"
#include "polling.h"
#include "web/view.h"

#define JOIN "[\"3\",\"3\",\"ROOM\",\"phx_join\",{}]"
#define SAY  "[\"3\",\"4\",\"ROOM\",\"new_message\",{\"message\":\"hello\",\"name\":\"Ann\"}]"

/* A poll that has joined the room. */
static struct cursor joined(void)
{
    struct cursor cursor = begin();
    must(post(&cursor, JOIN) == DONE);
    struct answer answer = get(&cursor);
    must(strcmp(answer.said, "reply 3 ok") == 0);
    return answer.next;
}

static void test_join(void)
{
    struct cursor first = begin();
    new_room();
    say(room_id, 2);
    struct answer none = get(&first);
    ok(none.count == 0 && !none.more, "a poll begins with nothing");
    ok(post(&first, JOIN) == DONE, "a join is taken");
    say(room_id, 2);
    struct answer answer = get(&first);
    is(answer.said, "reply 3 ok, new 3, new 4", "the poll that waited with the older token gets the reply, then news");
    ok(answer.next.count == 1 && answer.next.topics[0].rev == 4 && answer.next.topics[0].room_id == room_id,
       "the next token knows the topic, and how far it was told");
    json_t *reply = json_loads(json_string_value(json_array_get(answer.messages, 0)), 0, NULL);
    const json_t *response = json_object_get(json_array_get(reply, 4), "response");
    ok(json_array_size(json_object_get(response, "messages")) == 2, "the reply has what there was before");
    json_decref(reply);
    is(get(&first).said, answer.said, "the same GET again is answered the same");
    say(room_id, 1);
    is(get(&first).said, "reply 3 ok, new 3, new 4, new 5", "and what came since");
    is(letters(&first), "1", "while its letter lies there");
    is(get(&answer.next).said, "new 5", "the next goes on behind it");
    is(letters(&first), "0", "and the letter is gone");
    answer = get(&answer.next);
    ok(get(&answer.next).count == 0, "then there is nothing");
}

static void test_older_token(void)
{
    new_room();
    struct cursor first = begin();
    must(post(&first, JOIN) == DONE);
    ok(post(&first, SAY) == DONE, "a POST may have an older token than its join");
    struct answer answer = get(&first);
    is(answer.said, "reply 3 ok, reply 4 ok, new 1", "what it posts is taken");
    must(post(&answer.next, "[\"3\",\"5\",\"ROOM\",\"new_message\",{\"message\":\"more\",\"name\":\"Ann\"}]") == DONE);
    is(get(&answer.next).said, "reply 5 ok, new 2", "and with a newer one as well");
    is(get(&first).said, "reply 5 ok", "what a later token has is gone for an older one, and nobody waits for that");
}

static void test_repeated(void)
{
    new_room();
    struct cursor first = begin();
    for (int i = 0; i < 3; i++)
        ok(post(&first, JOIN "\n" SAY "\n[null,\"5\",\"phoenix\",\"heartbeat\",{}]\n" SAY) == DONE,
           "a POST that comes again");
    struct answer answer = get(&first);
    is(answer.said, "reply 3 ok, reply 4 ok, reply 5 ok, new 1", "does nothing twice");
    must(get(&answer.next).count == 0);
    must(post(&first, JOIN "\n" SAY) == DONE && post(&answer.next, SAY) == DONE);
    is(get(&answer.next).said, "", "nor when its replies were taken already");
    sql(arena_printf(arena, "delete from mailbox_refs where sid = '%s'", first.sid));
    must(post(&answer.next, SAY) == DONE);
    answer = get(&answer.next);
    is(answer.said, "reply 4 ok", "one that died before it had answered is answered by the message it stored");
    is(sql(arena_printf(arena, "select count(*) from messages where room_id = %lld", (long long)room_id)), "1",
       "which stands there once");
    must(post(&answer.next, "[\"3\",\"6\",\"ROOM\",\"new_message\",{\"message\":\"hello\",\"name\":\"Ann\"}]") == DONE);
    is(get(&answer.next).said, "reply 6 ok, new 2", "another ref is another message, though it says the same");
}

static void test_leave(void)
{
    new_room();
    struct cursor cursor = joined();
    must(post(&cursor, "[\"1\",\"6\",\"ROOM\",\"phx_leave\",{}]") == DONE);
    say(room_id, 1);
    struct answer answer = get(&cursor);
    is(answer.said, "new 1", "a leave of an older join is passed over");
    must(post(&answer.next, "[\"3\",\"7\",\"ROOM\",\"phx_leave\",{}]") == DONE);
    say(room_id, 1);
    answer = get(&answer.next);
    is(answer.said, "reply 7 ok, close 3", "a leave is answered, then the channel is closed");
    say(room_id, 1);
    ok(get(&answer.next).count == 0 && answer.next.count == 0, "and nothing follows");
    must(post(&answer.next, "[\"3\",\"8\",\"ROOM\",\"phx_leave\",{}]\n[\"3\",\"9\",\"x\",\"phx_leave\",{}]") == DONE);
    is(get(&answer.next).said, "reply 8 ok, reply 9 ok", "a leave of what is not joined has its reply alone");
    cursor = begin();
    must(post(&cursor, JOIN "\n[\"3\",\"5\",\"ROOM\",\"phx_leave\",{}]") == DONE);
    is(get(&cursor).said, "reply 3 ok, reply 5 ok, close 3", "both may come at once");
}

static void test_duplicate(void)
{
    new_room();
    struct cursor cursor = joined();
    say(room_id, 2);
    must(post(&cursor, "[\"8\",\"8\",\"ROOM\",\"phx_join\",{\"last_rev\":1}]") == DONE);
    say(room_id, 1);
    struct answer answer = get(&cursor);
    is(answer.said, "reply 8 ok, close 3, new 3",
       "a second join is answered, ends the first, and goes on from its reply");
    ok(answer.next.count == 1 && text_is(answer.next.topics[0].join_ref, "8"), "which is the one that is joined");
    must(post(&answer.next, "[\"3\",\"9\",\"ROOM\",\"new_message\",{\"message\":\"late\"}]") == DONE);
    is(get(&answer.next).said, "", "a push of the first is dropped");
    must(post(&answer.next, "[\"10\",\"10\",\"ROOM\",\"phx_join\",{\"last_rev\":-1}]") == DONE);
    answer = get(&answer.next);
    is(answer.said, "reply 10 error, close 8", "a second join that is refused ends the first as well");
    ok(answer.next.count == 0, "and nothing is joined");
}

static void test_unjoined(void)
{
    new_room();
    struct cursor cursor = begin();
    must(post(&cursor, SAY) == DONE);
    is(get(&cursor).said, "reply 4 error, error 3", "a push to what is not joined: an error, and join anew");
    must(post(&cursor, "[null,\"5\",\"ROOM\",\"new_message\",{}]\n[\"1\",\"6\",\"nothing\",\"phx_join\",{}]\n"
                       "[\"7\",\"7\",\"room:no-such\",\"phx_join\",{}]") == DONE);
    is(get(&cursor).said, "reply 4 error, error 3, reply 5 error, reply 6 error, error 1, reply 7 error",
       "topics that are none");
    cursor = joined();
    must(post(&cursor, "[\"3\",\"8\",\"ROOM\",\"dance\",{}]\n[null,\"9\",\"phoenix\",\"heartbeat\",{}]\n"
                       "[null,\"10\",\"ROOM\",\"new_message\",{\"message\":\"x\"}]") == DONE);
    is(get(&cursor).said, "reply 8 error, reply 9 ok, reply 10 error",
       "an event that is none, a heartbeat, a bad post");
    must(post(&cursor, "[null,null,\"ROOM\",\"new_message\",{\"message\":\"no ref\",\"name\":\"Ann\"}]") == DONE);
    is(get(&cursor).said, "reply 8 error, reply 9 ok, reply 10 error, reply null ok, new 1", "and one without a ref");
}

static void test_hundred(void)
{
    new_room();
    struct cursor cursor = joined();
    struct buffer body = buffer_new(1 << 20);
    for (int i = 0; i < 100; i++)
        buffer_printf(&body, "[\"3\",\"%d\",\"ROOM\",\"new_message\",{\"message\":\"line %d\",\"name\":\"Ann\"}]\n",
                      10 + i, i);
    ok(post(&cursor, text_string(arena, buffer_view(&body))) == DONE, "a hundred messages in one POST");
    struct answer answer = get(&cursor);
    ok(answer.count == 100 && answer.more && strncmp(answer.said, "reply 10 ok, reply 11 ok, ", 26) == 0,
       "are answered in order");
    ok(!strstr(answer.said, "error"), "all of them well");
    answer = get(&answer.next);
    ok(answer.count == 100 && strncmp(answer.said, "new 1, new 2, ", 14) == 0 && strstr(answer.said, ", new 100"),
       "and then heard in the room, in the order they were posted");
    buffer_printf(&body, "[null,\"1000\",\"phoenix\",\"heartbeat\",{}]");
    ok(post(&answer.next, text_string(arena, buffer_view(&body))) == INVALID, "one more is refused");
    ok(post(&answer.next, "[\"3\",\"2000\",\"ROOM\",\"new_message\",{\"message\":\"hello\"}]\nAAECAw==") == INVALID,
       "so is a line of base64");
    ok(get(&answer.next).count == 0, "and nothing of it was done");
    buffer_free(&body);
}

/* Answers until there is nothing more; the numbers must be from..to. How many answers it took, 0 if they were not. */
static int follow(struct cursor *cursor, int from, int to)
{
    int next = from;
    for (int answers = 0;; answers++) {
        struct answer answer = get(cursor);
        if (!answer.count)
            return next == to + 1 ? answers : 0;
        for (int i = 0; i < answer.count; i++)
            if (strcmp(in_short(json_array_get(answer.messages, (size_t)i)), arena_printf(arena, "new %d", next++)) !=
                0)
                return 0;
        *cursor = answer.next;
    }
}

static void test_catch_up(void)
{
    new_room();
    struct cursor cursor = joined(), busy;
    say(room_id, 350);
    int answers = follow(&cursor, 1, 350);
    ok(answers == 4, "350 messages come in %d answers, in order, each once", answers);
    char *first = arena_printf(arena, "%s", room);
    int64_t first_id = room_id;
    new_room();
    must(post(&cursor, "[\"20\",\"20\",\"ROOM\",\"phx_join\",{}]") == DONE);
    busy = get(&cursor).next;
    say(first_id, 150);
    say(room_id, 3);
    struct answer answer = get(&busy);
    ok(strstr(answer.said, "new 351") && strstr(answer.said, "new 3"), "a busy room holds up no other (%s)", first);
    ok(answer.more && cursor_find_room(&answer.next, room_id)->rev == 3, "which is told at once");
    answer = get(&answer.next);
    ok(answer.count > 0 && cursor_find_room(&answer.next, first_id)->rev == 500, "and comes to its end as well");
    sql(arena_printf(arena, "delete from messages where room_id = %lld", (long long)first_id));
    sql(arena_printf(arena, "update rooms set rev = rev + 5 where id = %lld", (long long)first_id));
    answer = get(&answer.next);
    ok(answer.count == 0 && cursor_find_room(&answer.next, first_id)->rev == 505,
       "numbers without messages are passed over");
}

static void test_ends(void)
{
    new_room();
    struct cursor cursor = joined();
    sql(arena_printf(arena, "delete from rooms where id = %lld", (long long)room_id));
    struct answer answer = get(&cursor);
    is(answer.said, "close 3", "a room that is gone is closed");
    ok(answer.next.count == 0 && get(&answer.next).count == 0, "once");
    new_room();
    cursor = joined();
    say(room_id, 3);
    memcpy(cursor.epoch, "0000000000000000", CURSOR_EPOCH_LEN);
    cursor.position = INT64_MAX;
    sql(arena_printf(arena, "delete from mailbox where sid = '%s'", cursor.sid)); /* which nothing survives */
    must(post(&cursor, SAY) == DONE);
    answer = get(&cursor);
    is(answer.said, "error 3, reply 4 error, error 3",
       "under another database's token nothing is posted, all joins anew");
    ok(answer.next.count == 0 && answer.next.position < INT64_MAX && strcmp(answer.next.epoch, cursor.epoch) != 0,
       "and the next token is of this one");
    must(post(&answer.next, "[\"9\",\"9\",\"ROOM\",\"phx_join\",{\"last_rev\":1}]") == DONE);
    is(get(&answer.next).said, "reply 9 ok", "which can be joined");
    cursor = joined();
    cursor.topics[0].rev = 1000;
    is(get(&cursor).said, "error 3", "a room that went back in time is joined anew");
}

static void test_limits(void)
{
    new_room();
    struct cursor cursor = joined();
    for (int i = 1; i < CHANNEL_JOINS_MAX; i++) {
        struct cursor_topic topic = { text_of(arena_printf(arena, "room:x%d", i)), TEXT("1"), 1000000 + i, 0, 0 };
        cursor_join(arena, &cursor, &topic);
    }
    must(post(&cursor, "[\"5\",\"5\",\"room:lobby\",\"phx_join\",{}]\n[\"6\",\"6\",\"ROOM\",\"phx_join\",{}]") == DONE);
    struct answer answer = get(&cursor);
    ok(strncmp(answer.said, "reply 5 error, reply 6 ok, close 3, close 1", 43) == 0, "so many topics, and no more");
    cursor = begin();
    sql(arena_printf(arena,
                     "insert into mailbox (sid, seq, frames) select '%s', nextval('mailbox_seq'), '[]' from "
                     "generate_series(1, %d)",
                     cursor.sid, MAILBOX_LETTERS_MAX));
    ok(post(&cursor, JOIN) == LIMITED, "a mailbox that nobody empties takes no more");
    struct poll *poll = poll_new(arena, &cursor);
    json_t *reason = channel_reason("signed_out");
    struct cursor_topic lobby = { TEXT("room:lobby"), TEXT("3"), 1, 0, 0 };
    cursor_join(arena, &poll->cursor, &lobby);
    poll_tell(poll, "session_ended", reason);
    json_decref(reason);
    ok(poll->count == 1 && strstr(poll->messages.at, "session_ended") && strstr(poll->messages.at, "signed_out"),
       "every topic can be told an event");
    ok(poll_add(poll, TEXT("[null,null,\"room:lobby\",\"x\",{}]")) && poll->count == 2, "and a message be added");
}

/* Two POSTs at once, of one mailbox, again and again; and a reader between them. */
static pid_t writer(const struct cursor *cursor, int from, int count)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct db *db = db_new(config->database_url, "test writer");
    bool good = true;
    scope.db = db;
    for (int i = from; i < from + count; i++)
        good &= poll_post(&scope, view, cursor,
                          text_of(arena_printf(arena, "[null,\"%d\",\"phoenix\",\"heartbeat\",{}]", i))) == DONE;
    db_free(&db);
    _exit(good ? 0 : 1);
}

static void test_two_writers(void)
{
    enum { EACH = 150 };
    struct cursor cursor = begin();
    pid_t one = writer(&cursor, 0, EACH), two = writer(&cursor, EACH, EACH), again = writer(&cursor, 0, EACH);
    int seen[2 * EACH] = { 0 }, total = 0, status;
    int64_t until = clock_steady() + INT64_C(30) * 1000000;
    while (total < 2 * EACH && clock_steady() < until) {
        struct answer answer = get(&cursor);
        for (int i = 0; i < answer.count; i++) {
            const char *said = in_short(json_array_get(answer.messages, (size_t)i));
            seen[strtol(said + strlen("reply "), NULL, 10)]++;
            total++;
        }
        cursor = answer.next;
    }
    ok(waitpid(one, &status, 0) == one && status == 0 && waitpid(two, &status, 0) == two && status == 0 &&
           waitpid(again, &status, 0) == again && status == 0,
       "three post to one mailbox, two of them the same");
    total += get(&cursor).count;
    bool once = true;
    for (int i = 0; i < 2 * EACH; i++)
        once &= seen[i] == 1;
    ok(once && total == 2 * EACH, "a reader on the way steps over none and sees none twice: %d", total);
}

static pid_t sayer(int count)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct db *db = db_new(config->database_url, "test sayer");
    scope.db = db;
    for (int i = 0; i < count; i++)
        say(room_id, 1);
    db_free(&db);
    _exit(0);
}

static void test_two_sayers(void)
{
    enum { EACH = 100 };
    new_room();
    struct cursor cursor = joined();
    pid_t one = sayer(EACH), two = sayer(EACH);
    int64_t until = clock_steady() + INT64_C(30) * 1000000;
    int status, last = 0;
    bool in_order = true;
    while (last < 2 * EACH && clock_steady() < until) {
        struct answer answer = get(&cursor);
        for (int i = 0; i < answer.count; i++)
            in_order &= strcmp(in_short(json_array_get(answer.messages, (size_t)i)),
                               arena_printf(arena, "new %d", ++last)) == 0;
        cursor = answer.next;
    }
    ok(waitpid(one, &status, 0) == one && status == 0 && waitpid(two, &status, 0) == two && status == 0 && in_order &&
           last == 2 * EACH,
       "two who post to the room at once are heard in order, without a gap: %d", last);
}

static void test_away(void)
{
    new_room();
    struct cursor cursor = joined(), none;
    say(room_id, 1);
    struct db *here = scope.db, *nowhere = db_new("host=/nowhere dbname=confab", "test nowhere");
    struct poll *poll = poll_new(arena, &cursor);
    log_open("test", LOG_ERROR + 1);
    scope.db = nowhere;
    ok(poll_open(&scope, &none) == BROKEN && poll_drain(&scope, view, poll) == BROKEN && post(&cursor, SAY) == BROKEN,
       "without a database nothing goes");
    scope.db = here;
    log_open("test", LOG_ERROR);
    ok(poll_drain(&scope, view, poll) == DONE && poll->count == 1 && poll->cursor.topics[0].rev == 1,
       "and with it again the same poll goes on");
    must(post(&cursor, SAY) == DONE);
    is(get(&cursor).said, "reply 4 ok, new 1, new 2", "as does the post");
    db_free(&nowhere);
}

/* All at once: posts and joins that come again, and answers that get lost. */
static void test_lossy(void)
{
    new_room();
    struct cursor cursor = joined();
    bool in_order = true;
    long long last = 0;
    for (int i = 0; i < 60; i++) {
        const char *body = arena_printf(
            arena, "[\"3\",\"%d\",\"ROOM\",\"new_message\",{\"message\":\"number %d\",\"name\":\"Ann\"}]", 100 + i, i);
        for (int copies = 1 + i % 3; copies > 0; copies--)
            must(post(&cursor, body) == DONE);
        for (int lost = i % 4; lost > 0; lost--)
            get(&cursor);
        struct answer answer = get(&cursor);
        for (int k = 0; k < answer.count; k++) {
            const char *said = in_short(json_array_get(answer.messages, (size_t)k));
            if (strncmp(said, "new ", 4) == 0)
                in_order &= strtoll(said + 4, NULL, 10) == ++last;
        }
        cursor = answer.next;
    }
    ok(in_order && last == 60, "lost answers and repeated POSTs lose nothing and show nothing twice: %lld", last);
}

static void test_sweep(void)
{
    struct cursor old = begin(), new = begin();
    must(post(&old, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]") == DONE);
    must(post(&new, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]") == DONE);
    for (int i = 0; i < 2; i++)
        sql(arena_printf(arena, "update %s set inserted_at = now() - interval '%d s' where sid = '%s'",
                         i ? "mailbox" : "mailbox_refs", MAILBOX_SECONDS + 1, old.sid));
    ok(mailbox_sweep(scope.db, arena) == DONE, "old letters are swept");
    is(letters(&old), "0", "they are gone");
    is(get(&new).said, "reply 1 ok", "and others are not");
    is(sql(arena_printf(arena, "select count(*) from mailbox_refs where sid in ('%s', '%s')", old.sid, new.sid)), "1",
       "nor what they answered");
}

static void test_bell(void)
{
    struct cursor cursor = begin();
    sql("listen confab_mailbox");
    must(post(&cursor, "[null,\"1\",\"phoenix\",\"heartbeat\",{}]") == DONE);
    sql("select 1");
    PGnotify *heard = PQnotifies(owner);
    ok(heard && strcmp(heard->relname, "confab_mailbox") == 0, "a POST rings the mailbox's bell");
    is(heard ? heard->extra : "", cursor.sid, "with its name");
    PQfreemem(heard);
    sql("unlisten confab_mailbox");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        printf("1..0 # SKIP no database was given\n");
        return 0;
    }
    log_open("test", LOG_ERROR);
    if (ok(sodium_init() >= 0 && set_up(argv[1]), "set up")) {
        scope.db = db_new(config->database_url, "test poll");
        test_join();
        test_older_token();
        test_repeated();
        test_leave();
        test_duplicate();
        test_unjoined();
        test_hundred();
        test_catch_up();
        test_ends();
        test_limits();
        test_two_writers();
        test_two_sayers();
        test_away();
        test_lossy();
        test_sweep();
        test_bell();
        db_free(&scope.db);
    }
    view_free(&view);
    PQfinish(owner);
    arena_free(&arena);
    return done();
}
