#include "relay/stream_job.h"

#include <string.h>

#include "assets.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/must.h"
#include "chat/message.h"
#include "chat/room.h"
#include "live/frame.h"
#include "relay/broadcast.h"
#include "relay/peer.h"
#include "relay/relay.h"
#include "relay/upgrade.h"
#include "web/present.h"
#include "web/view.h"

enum { STREAM_BYTES_MAX = 64 * 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 };

/* --- on a worker --- */

static json_t *site_view(const struct config *config, struct arena *arena)
{
    json_t *json = json_pack("{s:s, s:s%, s:s}", "name", config->site_name, "base", config->base.at, config->base.len,
                             "assets", arena_printf(arena, "%.*sstatic/" ASSETS_VERSION "/", TEXT_ARGS(config->base)));
    must(json != NULL);
    return json;
}

static void write_head(const struct config *config, struct buffer *out)
{
    buffer_string(out,
                  "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
                  "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; "
                  "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'\r\n"
                  "X-Frame-Options: SAMEORIGIN\r\nReferrer-Policy: same-origin\r\n"
                  "Cross-Origin-Resource-Policy: same-origin\r\n"
                  "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
                  "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n");
    if (config->secure)
        buffer_string(out, "Strict-Transport-Security: max-age=31536000\r\n");
    buffer_string(out, "\r\n");
}

/* Where a stream goes on whose connection breaks without a last line: browsers count the seconds of a refresh from when
 * a page has been loaded, which a stream is when it ends. The whole is asked for anew, for the page is another then.
 * One of a session has none: it must not come back by itself as a guest's. */
static json_t *again_view(const struct stream_job *stream, const struct scope *scope)
{
    if (stream->session.state == SESSION_USER || stream->after < 0)
        return json_null();
    return json_string(arena_printf(scope->arena, "%.*srooms/%.*s/stream?after=%lld", TEXT_ARGS(scope->config->base),
                                    TEXT_ARGS(stream->slug), (long long)stream->after));
}

static bool write_start(struct stream_job *stream, const struct scope *scope, const struct view *view,
                        const struct room *room, const struct messages *messages)
{
    struct buffer out = buffer_new(STREAM_BYTES_MAX);
    json_t *data = json_pack("{s:o, s:{s:s%}, s:o, s:o}", "site", site_view(scope->config, scope->arena), "room",
                             "name", room->name.at, room->name.len, "again", again_view(stream, scope), "html",
                             present_messages(scope->config, view, scope->arena, messages));
    must(data != NULL);
    write_head(scope->config, &out);
    bool good = view_render(view, "rooms/stream", data, &out) && !out.full;
    if (good)
        stream->start = text_copy(scope->arena, buffer_view(&out));
    json_decref(data);
    buffer_free(&out);
    return good;
}

/* What is newer, or, for a page that knows nothing (or what this database does not), the latest. */
static enum outcome read_messages(struct stream_job *stream, const struct scope *scope, struct room *room,
                                  struct messages *messages)
{
    enum outcome outcome = room_find(scope, stream->slug, room);
    if (outcome != DONE)
        return outcome;
    stream->rev = room->rev;
    if (stream->after < 0 || stream->after > room->rev)
        return room_latest(scope, stream->slug, MESSAGE_LATEST, room, messages);
    outcome = message_changed(scope, room->id, stream->after, MESSAGE_CATCH_UP, messages);
    if (outcome != DONE || !messages->count)
        return outcome;
    int64_t last = messages->items[messages->count - 1].rev;
    stream->more = messages->count == MESSAGE_CATCH_UP;
    if (stream->more || last > stream->rev)
        stream->rev = last;
    return DONE;
}

static enum outcome check(struct stream_job *stream, struct scope *scope)
{
    scope->address = stream->address;
    if (session_check(scope, &stream->session) != DONE)
        return BROKEN;
    if (stream->session.state != SESSION_USER)
        scope->guest = stream->guest;
    return DONE;
}

static void stream_work(struct job *job, struct scope *scope, const struct view *view)
{
    struct stream_job *stream = (struct stream_job *)job;
    struct session read = stream->session;
    struct messages messages = { .count = 0 };
    struct room room;
    enum outcome outcome = check(stream, scope);
    bool member = stream->session.state == SESSION_USER;
    if (outcome == DONE)
        outcome = read_messages(stream, scope, &room, &messages);
    if (outcome == DONE && member) { /* what was read was read while it held, or is not shown */
        outcome = session_check(scope, &read);
        if (read.state != SESSION_USER)
            messages.count = 0;
    }
    stream->status = outcome == DONE ? 200 : outcome == MISSING ? 404 : 503;
    if (stream->status != 200)
        return;
    stream->room_id = room.id;
    stream->user_id = member ? scope->user_id : 0;
    stream->epoch = room.epoch;
    if (stream->after < 0 || stream->after > room.rev)
        stream->rev = room.rev;
    if (!write_start(stream, scope, view, &room, &messages))
        stream->status = 503;
}

/* --- on the loop --- */

struct stream_job *stream_job_new(struct peer *peer, const struct upgrade *upgrade, void (*done)(struct job *))
{
    struct stream_job *stream = job_new(sizeof *stream, stream_work, done);
    struct arena *arena = stream->job.arena;
    struct scope scope = { .arena = arena, .config = peer->relay->config, .now = clock_now() };
    struct credentials came = { .cookie = text_copy(arena, upgrade->cookie) };
    stream->peer = peer;
    stream->slug = text_copy(arena, upgrade->slug);
    stream->address = text_of(peer->address);
    stream->after = upgrade->after;
    session_read(&came, &scope, &stream->session);
    if (stream->session.state != SESSION_GUEST)
        session_passing_guest(&scope);
    stream->guest = scope.guest;
    return stream;
}

static struct broadcast *rendered(const struct relay *relay, const char *name, const json_t *data, int64_t rev)
{
    struct buffer out = buffer_new(LINE_MAX_BYTES);
    must(view_render(relay->view, name, data, &out));
    struct broadcast *broadcast = broadcast_raw_of(buffer_view(&out), rev);
    buffer_free(&out);
    return broadcast;
}

struct broadcast *stream_end(const struct relay *relay, const char *url, int seconds, const char *reason,
                             const char *login)
{
    struct arena *arena = arena_new();
    json_t *data = json_pack("{s:o, s:b, s:s, s:i, s:b, s:s, s:s, s:b}", "site", site_view(relay->config, arena),
                             "again", url != NULL, "url", url ? url : "", "seconds", seconds, "signed_out",
                             reason != NULL, "reason", reason ? reason : "", "login", login, "gone", !url && !reason);
    must(data != NULL);
    struct broadcast *end = rendered(relay, "rooms/stream_end", data, 0);
    json_decref(data);
    arena_free(&arena);
    return end;
}

struct broadcast *stream_begin(const struct relay *relay, const char *url)
{
    struct buffer out = buffer_new(LINE_MAX_BYTES);
    struct arena *arena = arena_new();
    json_t *data = json_pack("{s:o, s:s}", "site", site_view(relay->config, arena), "url", url);
    must(data != NULL);
    write_head(relay->config, &out);
    must(view_render(relay->view, "rooms/stream_begin", data, &out));
    struct broadcast *page = broadcast_raw(buffer_view(&out));
    json_decref(data);
    arena_free(&arena);
    buffer_free(&out);
    return page;
}

struct broadcast *stream_beat(const struct relay *relay)
{
    json_t *nothing = json_object();
    struct broadcast *beat = rendered(relay, "rooms/stream_beat", nothing, 0);
    json_decref(nothing);
    return beat;
}

/* A message of the protocol carries its line with it. */
static void add_line(struct text payload, struct buffer *out)
{
    struct frame frame;
    if (!frame_parse(payload, &frame))
        return;
    const json_t *html = json_object_get(frame.payload, "html");
    if (html)
        buffer_add(out, json_string_value(html), json_string_length(html));
    frame_free(&frame);
}

struct broadcast *stream_lines(const struct broadcast *broadcast)
{
    struct buffer out = buffer_new(STREAM_BYTES_MAX);
    struct text payload;
    for (size_t at = 0; broadcast_next(broadcast, &at, &payload);)
        add_line(payload, &out);
    struct broadcast *lines = broadcast_raw_of(buffer_view(&out), broadcast->rev);
    buffer_free(&out);
    return lines;
}
