#include "cli/listing.h"

#include <stdio.h>
#include <time.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/utf8.h"

enum { COLUMNS_MAX = 8 };

/* What the database holds is UTF-8; a control character in it is one byte, or two that begin with C2. */
static void print_cell(struct text cell)
{
    struct text rest = cell;
    uint32_t point;
    for (const char *at = rest.at; utf8_next(&rest, &point); at = rest.at)
        if (point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029)
            putchar(' ');
        else
            fwrite(at, 1, (size_t)(rest.at - at), stdout);
}

static struct text shown(struct text cell)
{
    return cell.len ? cell : TEXT("-");
}

void listing_print(const struct text *cells, size_t rows, size_t columns)
{
    size_t widths[COLUMNS_MAX] = { 0 };
    must(columns <= COLUMNS_MAX);
    for (size_t i = 0; i < rows * columns; i++) {
        size_t width = utf8_count(shown(cells[i]));
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (size_t i = 0; i < rows * columns; i++) {
        struct text cell = shown(cells[i]);
        bool last = i % columns == columns - 1;
        print_cell(cell);
        printf("%*s", last ? 0 : (int)(widths[i % columns] - utf8_count(cell)) + 2, "");
        if (last)
            putchar('\n');
    }
}

struct text listing_time(struct arena *arena, int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts;
    char text[40];
    if (!gmtime_r(&when, &parts) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return TEXT("");
    return text_copy(arena, text_of(text));
}
