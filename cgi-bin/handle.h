/* One request from beginning to end: read, dispatch, answer, log. */
#ifndef CONFAB_CGI_HANDLE_H
#define CONFAB_CGI_HANDLE_H

#include <jansson.h>

struct arena;
struct config;
struct db;
struct ears;
struct gateway;
struct places;
struct view;

/* What a process keeps between requests. */
struct house {
    const struct config *config;
    const struct view *view;
    struct db *db;
    struct bell *bell;   /* or NULL */
    json_t *site;        /* what every page says of the site; never changed */
    struct arena *arena; /* emptied after each request */
    struct ears *ears;
    struct places *places; /* for polls that it may hold, shared with others; NULL: no bound */
};

/* Answer one request. */
void handle(struct house *, struct gateway *);

#endif
