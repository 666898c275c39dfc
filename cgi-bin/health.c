/* Are the handlers and the database well? Public, so it says nothing else. */
#include "cgi-bin/handlers.h"
#include "cgi-bin/request.h"
#include "db/db.h"
#include "queries.h"

void health_show(struct request *request)
{
    struct answer *answer = &request->answer;
    struct rows rows =
        db_run(request->scope.db, request->scope.arena, &query_database_ping, &(struct params){ .count = 0 });
    answer->status = rows.status == DB_DONE ? 200 : 503;
    answer_header(answer, "Content-Type", TEXT("text/plain; charset=utf-8"));
    if (answer->status == 503)
        answer_header(answer, "Retry-After", TEXT("5"));
    buffer_string(&answer->body, answer->status == 200 ? "ok\n" : "the database is away\n");
}
