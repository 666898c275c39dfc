#include <libpq-fe.h>
#include <stdlib.h>

#include "base/must.h"
#include "db/db.h"

enum outcome rows_outcome(const struct rows *rows)
{
    if (rows->status != DB_DONE)
        return BROKEN;
    return rows->count ? DONE : MISSING;
}

bool row_null(const struct rows *rows, int row, int column)
{
    must(row < rows->count && column < PQnfields(rows->result));
    return PQgetisnull(rows->result, row, column);
}

/* libpq gives NULL for what is not there. */
struct text row_text(const struct rows *rows, int row, int column)
{
    const char *at = PQgetvalue(rows->result, row, column);
    must(at != NULL);
    return (struct text){ at, (size_t)PQgetlength(rows->result, row, column) };
}

/* As Postgres writes a bigint; a null is empty. */
int64_t row_number(const struct rows *rows, int row, int column)
{
    struct text digits = row_text(rows, row, column);
    bool negative = digits.len && digits.at[0] == '-';
    int64_t number = 0;
    for (size_t i = negative; i < digits.len && digits.at[i] >= '0' && digits.at[i] <= '9'; i++)
        must(!__builtin_mul_overflow(number, 10, &number) &&
             !__builtin_sub_overflow(number, digits.at[i] - '0', &number));
    must(negative || number != INT64_MIN);
    return negative ? number : -number;
}

double row_real(const struct rows *rows, int row, int column)
{
    return row_null(rows, row, column) ? 0 : strtod(PQgetvalue(rows->result, row, column), NULL);
}

bool row_bool(const struct rows *rows, int row, int column)
{
    return text_is(row_text(rows, row, column), "t");
}
