/* relay/sessions.c: which sessions are here, and who of them. Peers are numbers. */
#include "relay/sessions.h"

#include <stdio.h>

#include "../support/tap.h"

static struct sessions *sessions;
static int peers[200];

/* A hash that differs in its last characters. */
static struct text hash_of(int n)
{
    static char hash[TOKEN_HASH_LEN + 1];
    snprintf(hash, sizeof hash, "%043d", n);
    return (struct text){ hash, TOKEN_HASH_LEN };
}

static struct live_session *join(int n, const char *sub, int peer)
{
    return sessions_join(sessions, hash_of(n), text_of(sub), TOKEN_SESSION, &peers[peer]);
}

static void leave(struct live_session *session, int peer)
{
    sessions_leave(sessions, &session, &peers[peer]);
    ok(!session, "the pointer is cleared");
}

static void test_tabs(void)
{
    struct live_session *ada = join(1, "ada", 0), *bob = join(2, "bob", 1);
    ok(ada != bob && sessions_count(sessions) == 2, "each session is one");
    ok(join(1, "ada", 2) == ada && ada->peer_count == 2, "and two tabs of it are the same");
    ok(sessions_find(sessions, hash_of(1), NULL) == ada && !sessions_find(sessions, hash_of(1), ada),
       "it is found by its hash, once");
    ok(!sessions_find(sessions, hash_of(3), NULL) && !sessions_find(sessions, TEXT(""), NULL) &&
           !sessions_find(sessions, TEXT("short"), NULL),
       "others are not");
    leave(ada, 0);
    ok(ada->peer_count == 1 && ada->peers[0] == &peers[2], "when a tab leaves the other stays");
    leave(ada, 2);
    ok(!sessions_find(sessions, hash_of(1), NULL) && sessions_count(sessions) == 1, "with the last the session goes");
    leave(bob, 1);
    struct live_session *none = NULL;
    sessions_leave(sessions, &none, &peers[0]);
    ok(sessions_count(sessions) == 0, "a guest has none to leave");
}

static void test_claims(void)
{
    struct live_session *ada = join(1, "ada", 0), *eve = join(1, "eve", 1);
    struct live_session *api = sessions_join(sessions, hash_of(1), TEXT("ada"), TOKEN_API, &peers[2]);
    ok(ada != eve && api != ada && api != eve, "who claims a hash for somebody else, or for another use, is apart");
    size_t found = 0;
    for (struct live_session *at = NULL; (at = sessions_find(sessions, hash_of(1), at));)
        found++;
    ok(found == 3, "all are found");
    leave(eve, 1);
    ok(sessions_find(sessions, hash_of(1), NULL), "and do not take each other along");
    leave(ada, 0);
    leave(api, 2);
}

static void test_ending(void)
{
    struct live_session *ada = join(1, "ada", 0);
    (void)join(1, "ada", 1);
    sessions_end(sessions, ada, SESSION_ENDED);
    ok(ada->state == SESSION_ENDED && ada->peer_count == 2,
       "a session that has ended keeps its peers until they leave");
    ok(!sessions_find(sessions, hash_of(1), NULL) && !sessions_first(sessions), "but is found by nobody");
    struct live_session *again = join(1, "ada", 2);
    ok(again != ada && again->state == SESSION_LIVE, "who comes with it now is judged by itself");
    sessions_end(sessions, ada, SESSION_UNSURE);
    ok(ada->state == SESSION_ENDED, "it ends once");
    leave(ada, 0);
    leave(ada, 1);
    ok(sessions_find(sessions, hash_of(1), NULL) == again, "leaving what has ended touches nobody else");
    leave(again, 2);
}

static void test_time(void)
{
    struct live_session *ada = join(1, "ada", 0);
    ok(ada->expires_at == 0, "nobody has asked when it ends");
    sessions_verified(ada, 1000, 5);
    ok(ada->expires_at == 1000 && ada->looked_at == 5, "until it is verified");
    ada->expires_at = 900; /* as an end that was moved */
    sessions_verified(ada, 1000, 6);
    ok(ada->expires_at == 900, "what was asked before the end was moved does not move it back");
    leave(ada, 0);
}

static void test_many(void)
{
    struct live_session *all[200];
    bool good = true;
    for (int i = 0; i < 200; i++)
        all[i] = join(i, "somebody", i);
    for (int i = 0; i < 200; i++)
        good = good && sessions_find(sessions, hash_of(i), NULL) == all[i];
    ok(good && sessions_count(sessions) == 200, "many are each found");
    for (int i = 0; i < 200; i += 2)
        sessions_end(sessions, all[i], SESSION_ENDED);
    size_t walked = 0;
    for (struct live_session *at = sessions_first(sessions); at; at = at->next)
        walked++;
    ok(walked == 100 && sessions_count(sessions) == 100, "and half of them when half have ended");
    for (int i = 0; i < 200; i++)
        sessions_leave(sessions, &all[i], &peers[i]);
    ok(!sessions_first(sessions), "then all have left");
}

int main(void)
{
    sessions = sessions_new();
    test_tabs();
    test_claims();
    test_ending();
    test_time();
    test_many();
    sessions_free(&sessions);
    return done();
}
