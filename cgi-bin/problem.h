/* What goes wrong: a page of the site for browsers, problem+json (RFC 9457) for programs. */
#ifndef CONFAB_CGI_PROBLEM_H
#define CONFAB_CGI_PROBLEM_H

struct errors;
struct request;

/* Answer with a status and its usual sentence. */
void problem_status(struct request *, int status);

/* Answer with a status and a sentence of one's own. */
void problem_show(struct request *, int status, const char *sentence);

/* Answer a program with the sentences of a refused form: those of fields in `errors`, the form's own as the detail. */
void problem_errors(struct request *, int status, const struct errors *);

/* Tell a program that it has to come with a token: 401. */
void problem_unauthorized(struct request *, const char *sentence);

/* The database is away: 503 with Retry-After. What was typed into the message form is offered again. */
void problem_broken(struct request *);

#endif
