#include "relay/handles.h"

#include <stdlib.h>

#include <uv.h>

#include "base/must.h"

struct closing {
    void *owner;
    size_t left;
};

static void closed(uv_handle_t *handle)
{
    struct closing *closing = handle->data;
    if (--closing->left)
        return;
    free(closing->owner);
    free(closing);
}

void handles_close(void *owner, void *const *handles, size_t count)
{
    struct closing *closing = malloc(sizeof *closing);
    must(closing != NULL && count > 0);
    *closing = (struct closing){ .owner = owner, .left = count };
    for (size_t i = 0; i < count; i++) {
        uv_handle_t *handle = handles[i];
        handle->data = closing;
        uv_close(handle, closed);
    }
}
