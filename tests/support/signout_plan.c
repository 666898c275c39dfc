#include "tests/support/signout_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static void session_new(struct plan *plan, const char *line)
{
    char id[24], csrf[200], cookie[2000];
    must(sscanf(line, "%23[^\t]\t%199[^\t]\t%1999[^\n]", id, csrf, cookie) == 3);
    struct session *session = &plan->sessions[plan->session_count++];
    *session = (struct session){ .csrf = strdup(csrf), .cookie = strdup(cookie) };
    memcpy(session->id, id, sizeof id);
    session->wire.fd = session->again.fd = -1;
}

static void sessions_read(struct plan *plan, const char *path)
{
    char line[PLAN_LINE];
    size_t size = 0;
    FILE *file = fopen(path, "r");
    must(file != NULL);
    while (fgets(line, sizeof line, file)) {
        if (plan->session_count == size) {
            size = size ? size * 2 : 1024;
            plan->sessions = reallocarray(plan->sessions, size, sizeof *plan->sessions);
            must(plan->sessions != NULL);
        }
        session_new(plan, line);
    }
    fclose(file);
}

void plan_read(struct plan *plan, int argc, char **argv)
{
    char *rest = NULL;
    must(argc == 8 || argc == 12);
    plan->race = strcmp(argv[1], "race") == 0;
    for (char *at = strtok_r(argv[3], ",", &rest); at && plan->wheres < 4; at = strtok_r(NULL, ",", &rest))
        plan->where[plan->wheres++] = at;
    plan->conninfo = argv[4];
    plan->origin = argv[5];
    plan->open = strtol(argv[6], NULL, 10);
    plan->rate = strtol(argv[7], NULL, 10);
    must(plan->wheres > 0 && plan->open > 0 && plan->rate > 0);
    sessions_read(plan, argv[2]);
    plan->least = plan->session_count;
    if (argc == 12) {
        plan->least = strtoul(argv[8], NULL, 10);
        plan->accepted = strtol(argv[9], NULL, 10);
        plan->late = strtol(argv[10], NULL, 10);
        plan->heard = strtol(argv[11], NULL, 10);
    }
}
