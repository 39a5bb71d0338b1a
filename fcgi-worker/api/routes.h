/*
 * routes.h: which paths there are, in one table.
 *
 * A route names its method, its path pattern ({account_id} and {key_id} stand for one segment), the
 * scope a key needs, what a success costs, and the way its requests go: the list of steps. Who:
 * pipeline.c; the monitor and the log use the names.
 */
#ifndef FCGI_WORKER_ROUTES_H
#define FCGI_WORKER_ROUTES_H

#include "luna/store/admission.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct step; /* exchange.h */

struct route {
    const char *name; /* in logs and metrics */
    const char *method;
    const char *pattern;
    unsigned scope;         /* one bit of enum luna_scope; 0: any key will do */
    int64_t cost;           /* units of a success */
    const struct step *way; /* ends with run == NULL */
};

/* What stood in the path's holes. */
struct route_ids {
    int64_t account_id;
    int64_t key_id; /* 0: the path has none */
};

enum route_match { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_WRONG_METHOD };

/* Finds the route of a path (`path_len` bytes, no query). On WRONG_METHOD *ret_route is one that
 * has the path. */
enum route_match routes_find(const char *method, const char *path, size_t path_len,
                             const struct route **ret_route, struct route_ids *ret_ids)
    __attribute__((warn_unused_result));
/* A route's number, for the scoreboard, and back; "none" for a number that is no route's. */
int route_number(const struct route *route);
const char *route_name(int number);
/* The methods that `route`'s path takes, as for the Allow header. */
void route_allow(const struct route *route, char *out, size_t size);

#endif
