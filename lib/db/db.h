/* One connection to Postgres: opened when first needed, again when it broke, every statement prepared once on it.
 * The room lib/db is the only one that knows libpq. */
#ifndef CONFAB_DB_DB_H
#define CONFAB_DB_DB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/text.h"
#include "db/query.h"

struct arena;
struct db;

/* What became of a statement.
 * CONFLICT: a constraint refused it (rows.constraint), nothing changed. AWAY: no database, or one too busy; nothing
 * changed. LOST: the connection broke, or time ran out, after it was sent: it may have been committed or not. FAILED:
 * refused for another reason, which is our own mistake or the operator's; nothing changed. All but CONFLICT have been
 * logged. */
enum db_status { DB_DONE, DB_CONFLICT, DB_AWAY, DB_LOST, DB_FAILED };

/* The answer; lives as long as the arena it was made with. */
struct rows {
    enum db_status status;
    int count;
    const char *constraint; /* with DB_CONFLICT, else NULL */
    void *result;
};

enum { PARAMS_MAX = 12, PARAM_NUMBER_SIZE = 24 };

/* Values for $1, $2, ... in order. Texts are borrowed until db_run has returned. */
struct params {
    int count;
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    char numbers[PARAMS_MAX][PARAM_NUMBER_SIZE];
};

void param_null(struct params *);
void param_number(struct params *, int64_t);
/* The text must be UTF-8 without NUL (must: whoever takes input checks it first); a copy in the arena ends with NUL. */
void param_text(struct params *, struct arena *, struct text);
/* The text, or null when it is empty. */
void param_text_or_null(struct params *, struct arena *, struct text);
/* bigint[] */
void param_numbers(struct params *, struct arena *, const int64_t *, size_t count);
/* text[]; an empty text becomes null. */
void param_texts(struct params *, struct arena *, const struct text *, size_t count);

/* Not connected yet. program is the application_name that the operator sees in pg_stat_activity. Both strings must
 * last. */
struct db *db_new(const char *url, const char *program) __attribute__((warn_unused_result, returns_nonnull));
void db_free(struct db **);

/* Somebody else finds out sooner that the database has forgotten its connections, and says so by another number here,
 * from any thread: then one that was opened before is not used any more, and whoever waits on it gives up at once (a
 * statement that was sent is LOST). The number must last as long as the db. */
void db_watch(struct db *, const atomic_uint *era);

/* Run a prepared query and wait for its answer, at most 15 seconds. A repeatable one is tried once more on a fresh
 * connection; one that lost a deadlock is tried again as well. */
struct rows db_run(struct db *, struct arena *, const struct query *, const struct params *)
    __attribute__((warn_unused_result));

/* The same, and in the same trip, behind it, another query in a transaction of its own: it runs after the first has
 * been committed, and also when that was refused, so it must be harmless then. How it went is only logged, and the
 * first one's rows say nothing about it. */
struct rows db_run_then(struct db *, struct arena *, const struct query *, const struct params *,
                        const struct query *then, const struct params *then_params) __attribute__((warn_unused_result));

/* Two that only read, in one trip and one transaction, the second behind the first (each sees what had been committed
 * when it began). *then_rows is the second's answer; where the first is not DONE it was not run, and is AWAY. When the
 * connection breaks under either, both are tried once more. */
struct rows db_read_both(struct db *, struct arena *, const struct query *, const struct params *,
                         const struct query *then, const struct params *then_params, struct rows *then_rows)
    __attribute__((warn_unused_result));

/* What will be asked next, and only reads: it goes along behind the statement that is run next, in its trip and
 * transaction, if that only reads as well. Then whoever runs this very query with these very values finds the answer
 * ready; to all others it is as if nothing had been foretold. The first statement that is another drops what is left.
 * Query and params are borrowed until db_forget. At most two. */
void db_foretell(struct db *, const struct query *, const struct params *);

/* Nothing is foretold any more. To be called before the arena is emptied in which the answers would lie. */
void db_forget(struct db *);

/* Which database this is (DESIGN 3.4), asked once per connection; 16 hex digits, valid until the connection is opened
 * anew, or NULL while the database is away. */
const char *db_epoch(struct db *, struct arena *);

/* The number that listeners see of this connection (heard.from), or 0 while it is not open. Through a pooler it is one
 * that nobody sees. */
int db_backend(const struct db *);

/* Run SQL text of several statements, without parameters and not prepared: for migrations alone. */
struct rows db_script(struct db *, struct arena *, const char *sql) __attribute__((warn_unused_result));

/* The last refusal in words, for the operator's tool. Never NULL. */
const char *db_complaint(const struct db *);

/* Of a question for one row: DONE, MISSING where there is none, BROKEN where it was not answered. */
enum outcome rows_outcome(const struct rows *);

/* Columns of a row by number, from 0. A null number is 0, a null text is empty. Texts lie in the answer. */
bool row_null(const struct rows *, int row, int column);
int64_t row_number(const struct rows *, int row, int column);
double row_real(const struct rows *, int row, int column);
bool row_bool(const struct rows *, int row, int column);
struct text row_text(const struct rows *, int row, int column);

#endif
