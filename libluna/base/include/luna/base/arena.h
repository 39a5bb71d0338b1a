/*
 * arena.h: memory that lives as long as one request.
 *
 * A worker makes one arena at start and resets it after every request; nothing on the request's way
 * calls free(). Ownership: pointers returned stay valid until luna_arena_reset() or
 * luna_arena_done(). Alignment is 16 bytes. Limits: `bytes_max` is mandatory; an allocation past it
 * returns NULL, which callers report as LUNA_ELIMIT. Reset keeps the first block and gives larger
 * ones back, so that one huge request does not fatten a worker for ever. Threads: one user at a
 * time.
 */
#ifndef LUNA_BASE_ARENA_H
#define LUNA_BASE_ARENA_H

#include <stddef.h>

struct luna_arena_block;

struct luna_arena {
    struct luna_arena_block *first; /* kept across resets */
    struct luna_arena_block *last;
    size_t block_bytes;
    size_t used_bytes; /* handed out since the last reset */
    size_t bytes_max;
};

void luna_arena_init(struct luna_arena *arena, size_t block_bytes, size_t bytes_max);
void luna_arena_done(struct luna_arena *arena);
void luna_arena_reset(struct luna_arena *arena);

/* Uninitialised memory, or NULL when bytes_max or the system says no. Size 0 is a valid,
 * distinct pointer. */
void *luna_arena_alloc(struct luna_arena *arena, size_t bytes);
/* `count` zeroed items of `item_bytes`; NULL on overflow too. */
void *luna_arena_calloc(struct luna_arena *arena, size_t count, size_t item_bytes);
/* A NUL-terminated copy of `len` bytes. */
char *luna_arena_strndup(struct luna_arena *arena, const char *text, size_t len);
/* A formatted string. */
char *luna_arena_printf(struct luna_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
