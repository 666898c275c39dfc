/* What commands list: a line each, in columns that are aligned by spaces, without a head, so that scripts can read it.
 * The last column is the one that may hold spaces. */
#ifndef CONFAB_CLI_LISTING_H
#define CONFAB_CLI_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct arena;

/* Print rows of `columns` cells each, one after the other in cells. An empty cell is shown as "-"; what would move the
 * terminal's cursor, as a space. */
void listing_print(const struct text *cells, size_t rows, size_t columns);

/* Seconds since 1970 as 2026-01-31T23:59:59Z. */
struct text listing_time(struct arena *, int64_t seconds);

#endif
