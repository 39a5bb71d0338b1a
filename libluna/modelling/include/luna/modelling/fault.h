/*
 * fault.h: everything that is wrong with a request's body, in FastAPI's terms.
 *
 * A decoder reports the first faults (at most LUNA_FAULTS_MAX), each with where (loc), what (msg),
 * pydantic v2's slug (type) and how to fix it (hint). Strings are static or live in the request's
 * arena.
 */
#ifndef LUNA_MODELLING_FAULT_H
#define LUNA_MODELLING_FAULT_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/base/suggest.h"

#include <stdbool.h>
#include <stddef.h>

enum { LUNA_FAULTS_MAX = 20, LUNA_FAULT_LOC_MAX = 8, LUNA_FAULT_NAME_BYTES_MAX = 64 };

struct luna_fault_loc {
    const char *name; /* NULL: an index */
    long index;
};

struct luna_fault {
    struct luna_fault_loc loc[LUNA_FAULT_LOC_MAX]; /* loc[0] is "body" (or "query", "header") */
    int loc_count;
    /* slug: json_invalid, missing, list_type, float_type, finite_number, extra_forbidden … */
    const char *type;
    const char *msg;
    const char *hint; /* may be NULL */
};

struct luna_faults {
    struct luna_arena *arena;
    struct luna_fault list[LUNA_FAULTS_MAX];
    size_t count;
    bool more; /* the list is full: there may be more, and a decoder stops */
};

void luna_faults_init(struct luna_faults *faults, struct luna_arena *arena);
/* Forgets them all: for a fault that makes the ones before it meaningless, such as a body that
 * is not JSON. */
void luna_faults_clear(struct luna_faults *faults);

/* Adds one fault at ["body"]; returns it so that the caller may lengthen loc, or NULL when the list
 * is full. `type`, `msg` and `hint` are borrowed: static, or from faults->arena (NULL from a full
 * arena is fine). */
struct luna_fault *luna_faults_add(struct luna_faults *faults, const char *type, const char *msg,
                                   const char *hint);
/* Lengthens loc by one and returns `fault` again; NULL stays NULL, and a full loc stays as it
 * is. `name` is borrowed. */
struct luna_fault *luna_fault_at(struct luna_fault *fault, const char *name);
struct luna_fault *luna_fault_at_index(struct luna_fault *fault, size_t index);

/* Appends those of `more` that there is room for. */
void luna_faults_join(struct luna_faults *faults, const struct luna_faults *more);

/* A copy of bytes that a client chose, fit for a loc or a hint: at most LUNA_FAULT_NAME_BYTES_MAX,
 * cut between characters and marked with "…". "?" when the arena is full. */
const char *luna_faults_quote(struct luna_faults *faults, const char *text, size_t len);

/* `hint` after a question whether the nearest name was meant, or `hint` alone where no name is near
 * enough. */
const char *luna_faults_suggest(struct luna_faults *faults,
                                const struct luna_suggestion *suggestion, const char *hint);

/* The list as FastAPI's JSON array: [{"type","loc","msg","hint"},…]. */
void luna_faults_put_json(const struct luna_faults *faults, struct luna_buf *out);

#endif
