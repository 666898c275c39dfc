#include "relay/longpoll_answer.h"

#include "base/buffer.h"
#include "base/config.h"
#include "base/log.h"
#include "live/poll.h"
#include "relay/longpoll.h"
#include "relay/peer.h"
#include "relay/relay.h"
#include "relay/upgrade.h"

enum { HEAD_MAX = 2048 };

static bool is_failure(int status)
{
    return status == 403 || status == 500 || status == 503;
}

void longpoll_answer(struct peer *peer, const struct longpoll_answer *answer, bool from_ours)
{
    struct buffer bytes = buffer_new(POLL_ANSWER_MAX + HEAD_MAX), json = buffer_new(POLL_ANSWER_MAX);
    if (is_failure(answer->status))
        log_event(LOG_INFO, "poll refused", LOG_N("peer", peer->id), LOG_S("address", peer->address),
                  LOG_N("status", answer->status), LOG_S("reason", answer->reason));
    if (!answer->json.len)
        poll_answer(&json, answer->status, TEXT(""), NULL);
    if (answer->status == 503)
        upgrade_refuse(&bytes, 503, NULL, false);
    else
        upgrade_json(&bytes, from_ours ? peer->relay->config->origin : TEXT(""),
                     answer->json.len ? answer->json : buffer_view(&json));
    peer_answer(peer, buffer_view(&bytes), answer->status, answer->reason);
    buffer_free(&json);
    buffer_free(&bytes);
}

void longpoll_refuse(struct peer *peer, int status, const char *reason)
{
    struct longpoll_answer answer = { .status = status, .reason = reason };
    longpoll_answer(peer, &answer, false);
}
