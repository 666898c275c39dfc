#include <libpq-fe.h>
#include <stdlib.h>

#include "base/must.h"
#include "db/db.h"

bool row_null(const struct rows *rows, int row, int column)
{
    must(row < rows->count && column < PQnfields(rows->result));
    return PQgetisnull(rows->result, row, column);
}

struct text row_text(const struct rows *rows, int row, int column)
{
    must(row < rows->count && column < PQnfields(rows->result));
    return (struct text){ PQgetvalue(rows->result, row, column), (size_t)PQgetlength(rows->result, row, column) };
}

int64_t row_number(const struct rows *rows, int row, int column)
{
    return row_null(rows, row, column) ? 0 : strtoll(PQgetvalue(rows->result, row, column), NULL, 10);
}

double row_real(const struct rows *rows, int row, int column)
{
    return row_null(rows, row, column) ? 0 : strtod(PQgetvalue(rows->result, row, column), NULL);
}

bool row_bool(const struct rows *rows, int row, int column)
{
    return text_is(row_text(rows, row, column), "t");
}
