#include "live/poll_asker.h"

#include <jansson.h>

#include "base/config.h"
#include "base/must.h"
#include "live/poll.h"
#include "web/csrf.h"

static void refuse(struct poll_asker *asker, enum poll_verdict verdict, const char *reason)
{
    asker->verdict = verdict;
    asker->reason = reason;
}

/* --- what can be said at once --- */

/* A browser tells of another site's page by Origin or Sec-Fetch-Site. With a GET to its own site it may say nothing. */
static bool foreign(const struct config *config, const struct poll_came *came)
{
    if (came->origin.len && !text_equal(came->origin, config->origin))
        return true;
    return came->fetch_site.len && !text_is(came->fetch_site, "same-origin") && !text_is(came->fetch_site, "none");
}

/* Whether a cookie may count besides its CSRF token. A POST carries an Origin in every browser; with a GET, one that
 * says where it comes from has to come from our own page. */
static bool cookie_counts(const struct poll_came *came)
{
    return came->post ? came->origin.len > 0 : !came->fetch_site.len || text_is(came->fetch_site, "same-origin");
}

static bool same_owner(const struct poll_asker *asker, const struct scope *scope)
{
    struct scope claimed = *scope;
    if (asker->session.state != SESSION_CLAIMED)
        return asker->session.state == SESSION_GUEST && cursor_owned(&asker->cursor, scope);
    claimed.token = asker->session.hash;
    return cursor_owned(&asker->cursor, &claimed);
}

/* A sign-out takes the cookie away, and the page is to be told why its token is worth nothing now. */
static void read_stray(struct poll_asker *asker)
{
    asker->stray = true;
    if (*asker->cursor.session)
        session_named(&asker->session, text_of(asker->cursor.session), TOKEN_SESSION);
    else
        refuse(asker, POLL_STRANGER, "another's token");
}

static void read_owner(const struct poll_came *came, struct scope *scope, struct poll_asker *asker)
{
    struct credentials cookie = { .cookie = came->credentials.cookie, .bearer = TEXT("") };
    if (asker->cursor.from_cookie) {
        session_read(&cookie, scope, &asker->session);
        if (!same_owner(asker, scope))
            read_stray(asker);
    } else if (*asker->cursor.session) {
        session_named(&asker->session, text_of(asker->cursor.session), TOKEN_API);
    } else {
        scope->guest = text_copy(scope->arena, text_of(asker->cursor.guest));
    }
}

static void read_first(const struct poll_came *came, struct scope *scope, struct poll_asker *asker)
{
    session_read(&came->credentials, scope, &asker->session);
    if (asker->session.state == SESSION_BAD)
        refuse(asker, POLL_STRANGER, "credentials");
    else if (asker->session.state == SESSION_NONE)
        session_passing_guest(scope);
}

void poll_asker_read(const struct poll_came *came, struct scope *scope, struct poll_asker *out)
{
    *out = (struct poll_asker){ .verdict = POLL_WELCOME, .begun = came->token.len > 0, .csrf = came->csrf };
    out->session.state = SESSION_NONE;
    if (!text_starts(came->vsn, "2.0."))
        refuse(out, POLL_STRANGER, "vsn");
    else if (foreign(scope->config, came))
        refuse(out, POLL_STRANGER, "origin");
    else if (out->begun ? !cursor_read(scope->config, scope->arena, came->token, scope->now / 1000000, &out->cursor)
                        : came->post)
        refuse(out, POLL_LOST, "token");
    else if (out->begun)
        read_owner(came, scope, out);
    else
        read_first(came, scope, out);
    if (out->verdict == POLL_WELCOME && out->session.from_cookie && !cookie_counts(came))
        refuse(out, POLL_STRANGER, "cookie without origin");
    /* The arena's, so that whoever copies the asker need not mend it. */
    out->session.hash = text_copy(scope->arena, out->session.hash);
}

/* --- what the database says --- */

static enum outcome ended(const struct scope *scope, struct poll_asker *asker, struct text hash)
{
    if (!asker->begun) {
        refuse(asker, POLL_STRANGER, "credentials");
        return DONE;
    }
    const char *reason = token_end_reason(scope, hash);
    if (!reason)
        return BROKEN;
    refuse(asker, asker->cursor.count ? POLL_ENDED : POLL_STRANGER, reason);
    return DONE;
}

static enum outcome begin(struct scope *scope, struct poll_asker *asker)
{
    enum outcome outcome = poll_open(scope, &asker->cursor);
    if (outcome == DONE)
        cursor_own(&asker->cursor, scope, asker->session.from_cookie);
    return outcome;
}

enum outcome poll_asker_check(struct scope *scope, struct poll_asker *asker)
{
    struct session *session = &asker->session;
    struct text hash = session->hash;
    if (asker->verdict != POLL_WELCOME)
        return DONE;
    if (session_check(scope, session) != DONE)
        return BROKEN;
    if (session->state == SESSION_BAD)
        return ended(scope, asker, hash);
    if (asker->stray)
        refuse(asker, POLL_STRANGER, "another's token");
    else if (session->from_cookie && !csrf_valid(scope->config, session, asker->csrf))
        refuse(asker, POLL_STRANGER, "csrf");
    if (asker->verdict != POLL_WELCOME)
        return DONE;
    if (session->state == SESSION_USER && session->token.sight_due)
        token_seen(scope, &session->token.id, 1);
    return asker->begun ? DONE : begin(scope, asker);
}

void poll_asker_tell(const struct poll_asker *asker, struct poll *poll)
{
    json_t *payload = json_pack("{s:s}", "reason", asker->reason);
    must(payload != NULL);
    poll_tell(poll, "session_ended", payload);
    json_decref(payload);
    poll->cursor.count = 0;
}
