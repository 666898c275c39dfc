/* /api/sessions: tokens for programs, and where somebody is signed in. fields: userID or email, password (create) */
#include "base/arena.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/must.h"
#include "cgi-bin/api.h"
#include "cgi-bin/gateway.h"
#include "cgi-bin/handlers.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"
#include "chat/token.h"
#include "chat/user.h"
#include "web/present.h"

static json_t *time_json(int64_t seconds)
{
    char text[CLOCK_TEXT_SIZE];
    return json_string(clock_text(seconds * 1000000, text));
}

static json_t *text_json(struct text text)
{
    return text.len ? json_stringn(text.at, text.len) : json_null();
}

/* jti is its hash, which is all that we know of it. */
static json_t *session_json(const struct request *request, const struct token_line *line)
{
    json_t *json = json_pack("{s:s%, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "jti", line->hash.at, line->hash.len,
                             "context", line->context == TOKEN_API ? "api" : "session", "current",
                             text_equal(line->hash, request->scope.token), "user_agent", text_json(line->user_agent),
                             "address", text_json(line->address), "inserted_at", time_json(line->inserted_at),
                             "last_seen_at", time_json(line->last_seen_at), "expires_at", time_json(line->expires_at));
    must(json != NULL);
    return json;
}

void api_sessions_index(struct request *request)
{
    struct token_line *lines;
    size_t count;
    if (token_list(&request->scope, request->scope.user_id, &lines, &count) != DONE) {
        problem_broken(request);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        must(json_array_append_new(list, session_json(request, &lines[i])) == 0);
    api_answer(request, 200, json_pack("{s:o}", "sessions", list));
}

struct came {
    struct text email, userid, password;
};

static bool read_fields(const struct request *request, struct came *came, struct errors *errors)
{
    came->email = api_text(request, "email", errors);
    came->userid = api_text(request, "userID", errors);
    came->password = api_text(request, "password", errors);
    if (came->email.len && came->userid.len)
        errors_add(errors, "email", "can't be given together with userID");
    else if (!came->email.len && !came->userid.len && !errors_any(errors))
        errors_add(errors, "email", "can't be blank");
    if (!came->password.len && !errors_first(errors, "password"))
        errors_add(errors, "password", "can't be blank");
    return !errors_any(errors);
}

/* From here on the asker is who has just been let in. */
static void created(struct request *request, const struct token *token, struct text jwt)
{
    struct scope *scope = &request->scope;
    struct user user;
    scope->user_id = token->user_id;
    scope->userid = token->userid;
    if (user_self(scope, &user) != DONE) {
        problem_broken(request);
        return;
    }
    log_event(LOG_INFO, "signed in", LOG_S("request", request->id), LOG_T("user", scope->userid),
              LOG_T("address", scope->address), LOG_S("for", "a program"));
    answer_header(&request->answer, "Location",
                  text_of(request_path(request, "api/sessions/%.*s", TEXT_ARGS(token->hash))));
    api_answer(request, 201,
               json_pack("{s:s%, s:i, s:o}", "token", jwt.at, jwt.len, "expires_in", (int)TOKEN_API_SECONDS, "user",
                         present_user(&user, true)));
}

static void refused(struct request *request, enum outcome outcome, const struct errors *errors)
{
    if (outcome == BROKEN) {
        problem_broken(request);
        return;
    }
    log_event(LOG_WARN, "sign-in refused", LOG_S("request", request->id), LOG_T("address", request->scope.address),
              LOG_S("for", "a program"));
    if (outcome == LIMITED)
        api_limited(request, errors);
    else
        problem_unauthorized(request, "Invalid email or password");
}

void api_sessions_create(struct request *request)
{
    struct errors errors = { 0 };
    struct came came;
    struct token token;
    struct text kept, jwt, agent = gateway_variable(request->gateway, "HTTP_USER_AGENT");
    int64_t user_id;
    if (!read_fields(request, &came, &errors)) {
        problem_errors(request, 422, &errors);
        return;
    }
    enum outcome outcome =
        user_by_password(&request->scope, came.email, came.userid, came.password, &errors, &user_id, &kept);
    if (outcome == DONE)
        outcome = session_api_token(&request->scope, user_id, kept, agent, &jwt, &token);
    if (outcome == DONE)
        created(request, &token, jwt);
    else
        refused(request, outcome, &errors);
}

static void log_ended(const struct request *request, const char *which)
{
    log_event(LOG_INFO, "sessions ended", LOG_S("request", request->id), LOG_T("user", request->scope.userid),
              LOG_S("which", which), LOG_S("by", "a program"));
}

void api_sessions_destroy(struct request *request)
{
    struct text own = request->scope.token, named = request->params[0], hash = text_is(named, "current") ? own : named;
    bool current = text_equal(hash, own);
    enum outcome outcome = token_end(&request->scope, hash, current ? TOKEN_SIGNED_OUT : TOKEN_REVOKED);
    if (outcome == BROKEN) {
        problem_broken(request);
    } else if (outcome != DONE) {
        problem_show(request, 404, "There is no such session.");
    } else {
        log_ended(request, current ? "own" : "another");
        api_done(request);
    }
}

void api_sessions_destroy_all(struct request *request)
{
    size_t ended;
    if (token_end_all(&request->scope, TOKEN_SIGNED_OUT, TEXT(""), &ended) != DONE) {
        problem_broken(request);
        return;
    }
    log_ended(request, "all");
    api_done(request);
}
