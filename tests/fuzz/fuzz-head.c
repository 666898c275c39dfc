/* Any bytes as the head of a request: what is done has no bare line ends, and what was a part of it goes on. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "relay/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct text all = { (const char *)bytes, len };
    struct head head, part;
    enum head_state state = head_parse(all, &head);
    if (state == HEAD_PARTIAL)
        must(len < HEAD_BYTES_MAX);
    if (state != HEAD_DONE)
        return 0;
    must(head.len <= len && head.len <= HEAD_BYTES_MAX && memcmp(all.at + head.len - 4, "\r\n\r\n", 4) == 0);
    must(head.path.len > 0 && head.path.at[0] == '/');
    must(head_parse((struct text){ all.at, head.len }, &part) == HEAD_DONE && part.field_count == head.field_count);
    must(head_parse((struct text){ all.at, head.len - 1 }, &part) == HEAD_PARTIAL);
    (void)head_has_body(&head);
    (void)head_has_token(&head, "Connection", "upgrade");
    return 0;
}
