/*
 * input.h: what the small routes read of a request: its query, and a JSON body of a few options.
 *
 * Both complain of what is wrong; a step goes on after a complaint.
 */
#ifndef FCGI_WORKER_INPUT_H
#define FCGI_WORKER_INPUT_H

#include "api/small_body.h"
#include "http/query.h"
#include "request/exchange.h"

/* A parameter of a query that is a whole number. */
struct input_number {
    const char *name;
    int64_t min, max, otherwise;
    int64_t *ret_value;
};

/* `numbers`, which end with name == NULL, are all that the query may hold. */
void input_read_query(struct exchange *exchange, const struct input_number *numbers);
/* For a path without parameters. */
void input_read_no_query(struct exchange *exchange);
/* The body, for a path without parameters; `members`: see small_body_read(). */
void input_read_body(struct exchange *exchange, const struct small_member *members);

#endif
