/*
 * queue_wait.h: how long a request stood in the queue of the socket, by the gateway's stamp.
 *
 * The stamp is the gateway's clock, which may differ from this host's by any constant. The smallest
 * delay seen shows that constant; the wait of a request is its delay beyond that. A second bound
 * needs no other clock: a request that is accepted cannot have come before this worker last found
 * the queue empty. Both bound the difference of the clocks with every request, so it is known again
 * right after one of the clocks was set.
 */
#ifndef FCGI_WORKER_QUEUE_WAIT_H
#define FCGI_WORKER_QUEUE_WAIT_H

#include <stdint.h>

struct queue_wait {              /* all zero: the clocks agree, and the queue was never empty */
    int64_t clock_difference_ms; /* this host's clock minus the gateway's */
    int64_t empty_ns;            /* CLOCK_MONOTONIC; 0: never */
};

struct queue_wait_now {
    int64_t wall_ms, mono_ns;
};

/* Milliseconds that the request waited. `stamp`: nginx's $msec, "1732428366.123"; 0 for any other
 * text. */
int64_t queue_wait_ms(struct queue_wait *wait, const char *stamp, struct queue_wait_now now);

#endif
