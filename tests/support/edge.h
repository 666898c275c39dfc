/* Inputs for parsers at the edge of a mapped page: one byte read past the end, or before a page-long beginning, ends
 * the test. Never unmapped; a test is short. */
#ifndef CONFAB_TESTS_EDGE_H
#define CONFAB_TESTS_EDGE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"

/* The same bytes, ending where an unreadable page begins. */
static inline struct text edge_bytes(const void *bytes, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (len / page + 1) * page;
    char *at = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at + size, page, PROT_NONE) != 0)
        abort();
    if (len)
        memcpy(at + size - len, bytes, len);
    return (struct text){ at + size - len, len };
}

static inline struct text edge_text(struct text text)
{
    return edge_bytes(text.at, text.len);
}

/* Of a C string, without its NUL. */
static inline struct text edge(const char *string)
{
    return edge_bytes(string, strlen(string));
}

#endif
