/*
 * arena.h: memory that lives as long as one request.
 *
 * A worker creates one arena at start and resets it after every request; no step of a request calls
 * free(). Ownership: pointers returned stay valid until luna_arena_reset() or
 * luna_arena_done(). Alignment is 16 bytes. Limits: `bytes_max` is mandatory; an allocation past it
 * returns NULL, which callers report as LUNA_ELIMIT. Reset keeps the first block and frees the
 * others, so that one large request does not enlarge a worker permanently. Threads: one user at a
 * time.
 */
#ifndef LUNA_BASE_ARENA_H
#define LUNA_BASE_ARENA_H

#include "luna/base/error.h"

#include <stddef.h>

struct luna_arena_block;

struct luna_arena {
    struct luna_arena_block *first; /* kept across resets */
    struct luna_arena_block *last;
    size_t block_bytes;
    size_t used_bytes; /* allocated since the last reset; <= bytes_max */
    size_t bytes_max;
};

/* Allocates nothing yet. `block_bytes` > 0. */
void luna_arena_init(struct luna_arena *arena, size_t block_bytes, size_t bytes_max);
void luna_arena_done(struct luna_arena *arena);
void luna_arena_reset(struct luna_arena *arena);

/* Uninitialised memory, or NULL when bytes_max would be exceeded or the system is out of memory.
 * Size 0 returns a valid, distinct pointer. */
void *luna_arena_alloc(struct luna_arena *arena, size_t bytes);
/* `count` zeroed items of `item_bytes`; NULL on overflow too. */
void *luna_arena_calloc(struct luna_arena *arena, size_t count, size_t item_bytes);
/* A NUL-terminated copy of `len` bytes. */
char *luna_arena_strndup(struct luna_arena *arena, const char *text, size_t len);
/* A formatted string; NULL as for luna_arena_alloc(). */
char *luna_arena_printf(struct luna_arena *arena, const char *fmt, ...) LUNA_PRINTF(2, 3);

#endif
