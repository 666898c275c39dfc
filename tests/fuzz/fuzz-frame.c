/* Any bytes as a message of Phoenix Channels V2: what is one can be answered, and the answer's refs are the same. What
 * is read without a parser is what jansson reads. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/must.h"
#include "live/frame.h"
#include "live/frame_plain.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_plain(struct text text)
{
    struct frame plain;
    if (!frame_plain(text, &plain))
        return;
    json_t *whole = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(frame_bounded(text) && whole && json_equal(whole, plain.whole));
    json_decref(whole);
    frame_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    read_plain((struct text){ (const char *)bytes, len });
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
