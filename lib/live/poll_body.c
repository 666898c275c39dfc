#include "live/poll_body.h"

#include "base/arena.h"
#include "live/cursor.h"

static struct text strip(struct text line)
{
    if (text_ends(line, "\r"))
        line.len--;
    return text_strip(line);
}

/* Null, or what can be a key in the database. */
static bool good_ref(const json_t *json)
{
    struct text ref = { json_string_value(json), json_string_length(json) };
    return json_is_null(json) || (ref.len >= 1 && ref.len <= CURSOR_REF_MAX && !text_has_nul(ref));
}

static void release(void *frame)
{
    frame_free(frame);
}

/* A line that does not begin like a text message is the base64 of a binary one, which we take on no transport. */
static bool parse_line(struct arena *arena, struct text line, struct poll_body *out)
{
    if (out->count == POLL_FRAMES_MAX || *line.at != '[')
        return false;
    struct frame *frame = &out->frames[out->count];
    if (!frame_parse(line, frame))
        return false;
    arena_own(arena, frame, release);
    out->count++;
    return good_ref(frame->ref) && good_ref(frame->join_ref);
}

bool poll_body_parse(struct arena *arena, struct text body, struct poll_body *out)
{
    *out = (struct poll_body){ .frames = arena_array(arena, POLL_FRAMES_MAX, sizeof *out->frames) };
    while (body.len) {
        struct text line = strip(text_split(&body, '\n'));
        if (line.len && !parse_line(arena, line, out))
            return false;
    }
    return true;
}
