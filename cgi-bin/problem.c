#include "cgi-bin/problem.h"

#include <string.h>

#include "base/errors.h"
#include "base/must.h"
#include "base/text.h"
#include "cgi-bin/page.h"
#include "cgi-bin/request.h"

static const char *usual_sentence(int status)
{
    switch (status) {
    case 400: return "The request could not be understood.";
    case 401: return "You must log in to do this.";
    case 403: return "This is not allowed.";
    case 404: return "There is no such page.";
    case 405: return "This cannot be done here.";
    case 413: return "That is more than can be taken at once.";
    case 415: return "It came in a format that is not understood.";
    case 422: return "Something that was sent is not right.";
    case 429: return "That was too much at once. Please wait a moment.";
    case 503: return "The chat cannot be reached just now. Please try again in a moment.";
    default: return "Something went wrong on our side.";
    }
}

/* errors: a new reference, taken; may be NULL. */
static void show_json(struct request *request, int status, const char *sentence, json_t *errors)
{
    json_t *problem =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:o*}", "type", "about:blank", "title", answer_reason(status), "status",
                  status, "detail", sentence, "instance", request->id, "errors", errors);
    char *text = json_dumps(problem, JSON_COMPACT);
    must(problem && text);
    answer_header(&request->answer, "Content-Type", TEXT("application/problem+json"));
    buffer_string(&request->answer.body, text);
    request->answer.status = status;
    free(text);
    json_decref(problem);
}

/* The message that was being posted, for a form that sends it again: with the same client_id, so that it is stored
 * once. */
static json_t *retry(struct request *request)
{
    if (!request->route || request->method != METHOD_POST || !form_has(&request->body, "message"))
        return json_null();
    return json_pack("{s:s, s:o, s:o, s:o}", "action",
                     request_path(request, "%.*s", (int)request->path.len - 1, request->path.at + 1), "name",
                     page_typed(request, form_value(&request->body, "name")), "message",
                     page_typed(request, form_value(&request->body, "message")), "client_id",
                     page_typed(request, form_value(&request->body, "client_id")));
}

void problem_show(struct request *request, int status, const char *sentence)
{
    answer_reset(&request->answer);
    if (request->wants_json) {
        show_json(request, status, sentence, NULL);
        return;
    }
    json_t *data = page_data(request, answer_reason(status));
    must(json_object_update_new(data, json_pack("{s:i, s:s, s:s, s:s, s:o}", "status", status, "heading",
                                                answer_reason(status), "sentence", sentence, "request_id", request->id,
                                                "retry", status == 503 ? retry(request) : json_null())) == 0);
    page_render(request, status, "errors/show", data);
}

static json_t *sentences(const struct errors *errors)
{
    json_t *fields = json_object();
    for (size_t i = 0; i < errors->count; i++) {
        const char *field = errors->items[i].field;
        if (strcmp(field, "form") == 0)
            continue;
        if (!json_object_get(fields, field))
            json_object_set_new(fields, field, json_array());
        json_array_append_new(json_object_get(fields, field), json_string(errors->items[i].sentence));
    }
    return fields;
}

void problem_errors(struct request *request, int status, const struct errors *errors)
{
    const char *sentence = errors_first(errors, "form");
    answer_reset(&request->answer);
    show_json(request, status, sentence ? sentence : usual_sentence(status), sentences(errors));
}

void problem_status(struct request *request, int status)
{
    problem_show(request, status, usual_sentence(status));
}

void problem_unauthorized(struct request *request, const char *sentence)
{
    problem_show(request, 401, sentence);
    answer_header(&request->answer, "WWW-Authenticate", TEXT("Bearer"));
}

void problem_broken(struct request *request)
{
    problem_status(request, 503);
    answer_header(&request->answer, "Retry-After", TEXT("5"));
}
