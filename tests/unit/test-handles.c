/* relay/handles.c: the owner of handles goes with the last of them. (That it does, and no earlier, the sanitizers see.)
 */
#include "relay/handles.h"

#include <stdlib.h>

#include <uv.h>

#include "../support/tap.h"

struct owner {
    uv_timer_t first, second;
    uv_async_t third;
};

static void rang(uv_timer_t *timer)
{
    ok(timer == NULL, "a timer that is being closed does not ring");
}

int main(void)
{
    uv_loop_t loop;
    struct owner *owner = calloc(1, sizeof *owner);
    uv_timer_t *alone = calloc(1, sizeof *alone);
    if (!owner || !alone || uv_loop_init(&loop) != 0)
        return 1;
    uv_timer_init(&loop, &owner->first);
    uv_timer_init(&loop, &owner->second);
    uv_async_init(&loop, &owner->third, NULL);
    uv_timer_init(&loop, alone);
    uv_timer_start(&owner->first, rang, 0, 0);
    uv_timer_start(alone, rang, 0, 0);
    handles_close(owner, (void *[]){ &owner->first, &owner->second, &owner->third }, 3);
    handles_close(alone, (void *[]){ alone }, 1);
    ok(uv_is_closing((uv_handle_t *)&owner->second), "handles are closed, and are still there until the loop runs");
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "then nothing of them is left");
    return done();
}
