#include "luna/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGN = 16 };

struct luna_arena_block {
    struct luna_arena_block *next;
    size_t cap;
    size_t used;
    alignas(ARENA_ALIGN) char data[];
};

void luna_arena_init(struct luna_arena *arena, size_t block_bytes, size_t bytes_max)
{
    /* A first block smaller than one piece could never be filled. */
    assert(block_bytes >= ARENA_ALIGN);
    *arena = (struct luna_arena){.block_bytes = block_bytes, .bytes_max = bytes_max};
}

static void free_blocks(struct luna_arena_block *block)
{
    while (block != NULL) {
        struct luna_arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void luna_arena_done(struct luna_arena *arena)
{
    free_blocks(arena->first);
    arena->first = arena->last = NULL;
    arena->used_bytes = 0;
}

void luna_arena_reset(struct luna_arena *arena)
{
    if (arena->first != NULL) {
        free_blocks(arena->first->next);
        arena->first->next = NULL;
        arena->first->used = 0;
    }
    arena->last = arena->first;
    arena->used_bytes = 0;
}

/* A new block of `bytes`, linked after the current one so that reset and done find it. */
static struct luna_arena_block *add_block(struct luna_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - sizeof(struct luna_arena_block))
        return NULL;
    struct luna_arena_block *block = malloc(sizeof *block + bytes);
    if (block == NULL)
        return NULL;
    *block = (struct luna_arena_block){.cap = bytes};
    if (arena->first == NULL) {
        arena->first = arena->last = block;
    } else {
        block->next = arena->last->next;
        arena->last->next = block;
    }
    return block;
}

static struct luna_arena_block *block_with_room(struct luna_arena *arena, size_t bytes)
{
    /* The first block always has the ordinary size: reset keeps it. */
    if (arena->first == NULL && add_block(arena, arena->block_bytes) == NULL)
        return NULL;
    if (arena->last->cap - arena->last->used >= bytes)
        return arena->last;
    /* A large piece gets its own block, so that small ones continue to fill the current block. */
    if (bytes > arena->block_bytes / 4)
        return add_block(arena, bytes);
    struct luna_arena_block *block = add_block(arena, arena->block_bytes);
    if (block != NULL)
        arena->last = block;
    return block;
}

void *luna_arena_alloc(struct luna_arena *arena, size_t bytes)
{
    if (bytes == 0)
        bytes = 1;
    if (bytes > arena->bytes_max || bytes > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    assert(arena->used_bytes <= arena->bytes_max);
    size_t rounded = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (rounded > arena->bytes_max - arena->used_bytes)
        return NULL;
    struct luna_arena_block *block = block_with_room(arena, rounded);
    if (block == NULL)
        return NULL;
    assert(rounded <= block->cap - block->used);
    void *piece = block->data + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    return piece;
}

void *luna_arena_calloc(struct luna_arena *arena, size_t count, size_t item_bytes)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, item_bytes, &bytes))
        return NULL;
    void *piece = luna_arena_alloc(arena, bytes);
    if (piece != NULL)
        memset(piece, 0, bytes);
    return piece;
}

char *luna_arena_strndup(struct luna_arena *arena, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? luna_arena_alloc(arena, len + 1) : NULL;
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *luna_arena_printf(struct luna_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : luna_arena_alloc(arena, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
