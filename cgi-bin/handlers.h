/* The handlers, one file a noun, in the order of the route table. Each fills the request's answer. */
#ifndef CONFAB_CGI_HANDLERS_H
#define CONFAB_CGI_HANDLERS_H

struct request;
struct scope;

void rooms_home(struct request *); /* the lobby */
void rooms_show(struct request *);
void rooms_home_ahead(const struct request *, const struct scope *); /* what they will ask the database for */
void rooms_show_ahead(const struct request *, const struct scope *);

void streams_show(struct request *); /* new ones, where no relay streams them */

void messages_index(struct request *); /* older ones */
void messages_show(struct request *);
void messages_create(struct request *);
void messages_refused(struct request *); /* the form again, with a token that holds */

void log_in_show(struct request *);
void log_in_create(struct request *);
void log_in_refused(struct request *);
void log_in_elsewhere(struct request *); /* by an external service */
void log_in_current(struct request *);   /* is it still who it was? */
void log_out_show(struct request *);
void log_out_destroy(struct request *);
void log_out_refused(struct request *);

void devices_settings(struct request *); /* the only settings so far */
void devices_index(struct request *);
void devices_destroy(struct request *);
void devices_destroy_all(struct request *);

void api_sessions_index(struct request *);
void api_sessions_create(struct request *);
void api_sessions_destroy(struct request *);
void api_sessions_destroy_all(struct request *);

void longpoll_show(struct request *);
void longpoll_create(struct request *);
void longpoll_options(struct request *);

void health_show(struct request *);

#endif
