#include "cgi-bin/api.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/errors.h"
#include "base/must.h"
#include "cgi-bin/problem.h"
#include "cgi-bin/request.h"

void api_answer(struct request *request, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    must(text != NULL);
    request->answer.status = status;
    answer_header(&request->answer, "Content-Type", TEXT("application/json"));
    buffer_string(&request->answer.body, text);
    free(text);
    json_decref(json);
}

void api_done(struct request *request)
{
    request->answer.status = 204;
}

void api_limited(struct request *request, const struct errors *errors)
{
    problem_status(request, 429);
    answer_header(&request->answer, "Retry-After",
                  text_of(arena_printf(request->scope.arena, "%d", errors->retry_after)));
}

struct text api_text(const struct request *request, const char *field, struct errors *errors)
{
    const json_t *value = json_object_get(request->json, field);
    if (json_is_string(value))
        return (struct text){ json_string_value(value), json_string_length(value) };
    if (value)
        errors_add(errors, field, "must be text");
    return TEXT("");
}
