/* Blocks in a list, filled from the front; what is larger than a block gets a block of its own. The first is small: of
 * the relay's jobs most need no more, and when many connections come at once very many wait. Owned foreign things stand
 * in a list of their own and are released before the blocks. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { FIRST_SIZE = 960, BLOCK_SIZE = 8 * 1024, SHORT = 256 };

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) unsigned char bytes[];
};

struct owned {
    struct owned *next;
    void *thing;
    void (*release)(void *);
};

struct arena {
    struct block *blocks; /* the one being filled first */
    struct owned *owned;
};

static struct block *block_new(size_t size)
{
    size_t whole;
    must(!__builtin_add_overflow(sizeof(struct block), size, &whole));
    struct block *block = malloc(whole);
    must(block != NULL);
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

struct arena *arena_new(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    must(arena != NULL);
    return arena;
}

static void release_owned(struct arena *arena)
{
    while (arena->owned) {
        struct owned *owned = arena->owned;
        arena->owned = owned->next; /* the list itself lies in the blocks */
        owned->release(owned->thing);
    }
}

void arena_reset(struct arena *arena)
{
    release_owned(arena);
    struct block *kept = NULL;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (!kept && block->size == BLOCK_SIZE)
            kept = block;
        else
            free(block);
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    arena->blocks = kept;
}

void arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    arena_reset(*arena);
    free((*arena)->blocks);
    free(*arena);
    *arena = NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    must(size <= SIZE_MAX - unit);
    size = (size + unit - 1) / unit * unit;
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        size_t usual = block || size > FIRST_SIZE ? BLOCK_SIZE : FIRST_SIZE;
        struct block *fresh = block_new(size > usual ? size : usual);
        if (block && size > BLOCK_SIZE) { /* keep filling the current one */
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            arena->blocks = fresh;
        }
        block = fresh;
    }
    void *at = block->bytes + block->used;
    block->used += size;
    return memset(at, 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t whole;
    must(!__builtin_mul_overflow(count, size, &whole));
    return arena_alloc(arena, whole);
}

char *arena_copy(struct arena *arena, const void *at, size_t len)
{
    must(len < SIZE_MAX);
    char *copy = arena_alloc(arena, len + 1);
    if (len)
        memcpy(copy, at, len);
    return copy;
}

/* Most texts are short, and then formatted once. */
char *arena_printf(struct arena *arena, const char *format, ...)
{
    char shorter[SHORT];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(shorter, sizeof shorter, format, args);
    va_end(args);
    must(len >= 0);
    if ((size_t)len < sizeof shorter)
        return arena_copy(arena, shorter, (size_t)len);
    char *at = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(at, (size_t)len + 1, format, args);
    va_end(args);
    return at;
}

void *arena_own(struct arena *arena, void *thing, void (*release)(void *))
{
    if (!thing)
        return NULL;
    struct owned *owned = arena_alloc(arena, sizeof *owned);
    *owned = (struct owned){ arena->owned, thing, release };
    arena->owned = owned;
    return thing;
}
