/* Any bytes as a message of Phoenix Channels V2: what is one can be answered, and the answer's refs are the same. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/must.h"
#include "live/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct frame asked, answered;
    if (!frame_parse((struct text){ (const char *)bytes, len }, &asked))
        return 0;
    struct buffer out = buffer_new(1024 * 1024);
    frame_reply(&out, asked.join_ref, asked.ref, asked.topic, "ok", asked.payload);
    if (!out.full && frame_parse(buffer_view(&out), &answered)) { /* an answer is deeper: it may pass the bound */
        must(frame_same_ref(asked.join_ref, answered.join_ref) && frame_same_ref(asked.ref, answered.ref));
        must(text_equal(asked.topic, answered.topic));
        frame_free(&answered);
    }
    buffer_free(&out);
    frame_free(&asked);
    return 0;
}
