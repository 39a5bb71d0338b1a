/*
 * small_body.h: JSON bodies of a few options, such as {"scopes":["read"],"expires_in_s":3600}.
 *
 * Not for series: those have their own decoders. An empty body counts as {}. Faults have FastAPI's
 * form.
 */
#ifndef FCGI_WORKER_SMALL_BODY_H
#define FCGI_WORKER_SMALL_BODY_H

#include "luna/modelling/fault.h"

#include <stddef.h>
#include <stdint.h>

enum small_type {
    SMALL_INT,      /* int64_t within [min, max] */
    SMALL_SCOPES,   /* unsigned: a list of "model", "read", "keys", at least one */
    SMALL_TEXT,     /* up to `max` characters, none of them a control character */
    SMALL_TEXTS,    /* JSON text of an object of up to `max` texts; names of 1 to 40 bytes */
    SMALL_NETWORKS, /* addresses and networks, up to `max`, joined by ';' */
};

/* What null stands for. */
enum small_null {
    SMALL_NULL_IS_DEFAULT, /* the member is as if it was not there */
    SMALL_NULL_CLEARS,     /* 0, "", no texts, no networks */
    SMALL_NULL_IS_WRONG    /* the member has no default */
};

struct small_member {
    const char *name;
    enum small_type type;
    int64_t min, max;
    enum small_null null;
    int64_t *ret_int;
    unsigned *ret_scopes;
    const char **ret_text; /* in the arena of the faults */
};

/* Sets the members that the body has, and leaves the others unchanged. `members` ends with
 * name == NULL. */
void small_body_read(const char *body, size_t len, const struct small_member *members,
                     struct luna_faults *faults);

#endif
