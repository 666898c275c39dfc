#include "relay/sweeping.h"

#include "base/log.h"
#include "live/mailbox.h"
#include "relay/pool.h"
#include "relay/relay.h"
#include "relay/source.h"

enum { SWEEP_MS = 60 * 1000 };

struct sweep_job {
    struct job job;
    struct relay *relay;
};

static void sweep_work(struct job *job, struct scope *scope, const struct view *view)
{
    (void)view;
    if (mailbox_sweep(scope->db, job->arena) != DONE)
        log_event(LOG_WARN, "mailboxes not swept", LOG_S("reason", "database away"));
}

static void sweep_done(struct job *job)
{
    ((struct sweep_job *)job)->relay->sweeping = false;
}

void sweeping_tick(struct relay *relay)
{
    int64_t now = relay_now(relay);
    if (relay->sweeping || now - relay->swept < SWEEP_MS || !source_connected_since(relay->source))
        return;
    struct sweep_job *sweep = job_new(sizeof *sweep, sweep_work, sweep_done);
    sweep->relay = relay;
    relay->sweeping = true;
    relay->swept = now;
    pool_submit(relay->pool, &sweep->job);
}
