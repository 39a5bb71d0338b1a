/*
 * fault.h: everything that is wrong with a request's body, in FastAPI's terms.
 *
 * A decoder reports all faults it can (at most LUNA_FAULTS_MAX), each with where (loc), what (msg), pydantic
 * v2's slug (type) and how to mend it (hint). Strings live in the request's arena.
 */
#ifndef LUNA_MODELLING_FAULT_H
#define LUNA_MODELLING_FAULT_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum { LUNA_FAULTS_MAX = 20, LUNA_FAULT_LOC_MAX = 8 };

struct luna_fault_loc {
    const char *name; /* NULL: an index */
    long index;
};

struct luna_fault {
    struct luna_fault_loc loc[LUNA_FAULT_LOC_MAX]; /* loc[0] is "body" (or "query", "header") */
    int loc_count;
    const char *type; /* slug: json_invalid, missing, list_type, float_type, finite_number, too_short,
                         too_long, extra_forbidden, literal_error, greater_than_equal … */
    const char *msg;
    const char *hint;
};

struct luna_faults {
    struct luna_arena *arena;
    struct luna_fault list[LUNA_FAULTS_MAX];
    size_t count;
    bool more; /* there were more than LUNA_FAULTS_MAX */
};

void luna_faults_init(struct luna_faults *faults, struct luna_arena *arena);
/* Adds one fault; returns it so that the caller may lengthen loc, or NULL when the list is full. msg and hint
 * are copied. */
struct luna_fault *luna_faults_add(struct luna_faults *faults, const char *type, const char *msg,
                                   const char *hint);
/* The list as FastAPI's JSON array: [{"type","loc","msg","hint"},…]. */
void luna_faults_put_json(const struct luna_faults *faults, struct luna_buf *out);

#endif
