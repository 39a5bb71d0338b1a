/*
 * route.h: what a route is, and how a path finds its own.
 *
 * A route names its method, its path pattern ({account_id} and {key_id} stand for one segment), the
 * scope that a key needs, what a success costs, and the steps that its requests go through. The
 * table of routes is data that the pipeline is given (api/routes.c); a route's number is its place
 * in that table, for the scoreboard and in fingerprints.
 */
#ifndef FCGI_WORKER_ROUTE_H
#define FCGI_WORKER_ROUTE_H

#include "shared/scoreboard.h"

#include <stddef.h>
#include <stdint.h>

struct exchange;    /* exchange.h */
struct deprecation; /* deprecation.h */

/* A step lets the request go ON, or has ANSWERED it: the response is complete. */
enum step_outcome { STEP_ON, STEP_ANSWERED };

struct step {
    enum phase phase;
    enum step_outcome (*run)(struct exchange *exchange);
};

struct route {
    const char *name; /* in logs and metrics */
    const char *method;
    const char *pattern;
    unsigned scope;                        /* one bit of enum luna_scope; 0: any key will do */
    int64_t cost;                          /* units of a success; of a batch: of one series */
    const struct step *steps;              /* ends with run == NULL */
    const struct deprecation *deprecation; /* NULL: the route stays */
};

struct route_table {
    const struct route *routes;
    size_t count;
};

/* The numbers in the path. */
struct route_ids {
    int64_t account_id;
    int64_t key_id; /* 0: the path has none */
};

enum route_match { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_WRONG_METHOD };

/* Finds the route of a path (`path_len` bytes, no query; %XX stands for the character). On
 * WRONG_METHOD *ret_route is one that has the path. */
enum route_match route_find(const struct route_table *table, const char *method, const char *path,
                            size_t path_len, const struct route **ret_route,
                            struct route_ids *ret_ids) __attribute__((warn_unused_result));
/* -1 for NULL, which no route has. */
int route_number(const struct route_table *table, const struct route *route);
/* The methods that `route`'s path supports, for the Allow header. */
void route_allow(const struct route_table *table, const struct route *route, char *out,
                 size_t size);

#endif
