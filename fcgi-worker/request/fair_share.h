/*
 * fair_share.h: no account takes the whole pool with computations that take long.
 *
 * An account may run as many long computations at once as its share of the pool holds: half of the
 * workers, or LUNA_ACCOUNT_WORKERS_MAX, and always fewer than all. Only a running computation shows
 * how long it takes. So one that exceeds the share is stopped once it takes long, and while the
 * share is in use, one that is expected to take long is refused before it starts. The computations
 * of an account that had long ones a moment ago count from their start: otherwise 64 clients that
 * repeat one would occupy all workers until each is known to take long. Of several that start at
 * the same moment, more than necessary may be stopped, never fewer. While such a computation runs,
 * it yields the processor at each poll, so that other processes, nginx and Redis too, wait at most
 * until the next poll.
 */
#ifndef FCGI_WORKER_FAIR_SHARE_H
#define FCGI_WORKER_FAIR_SHARE_H

#include "request/exchange.h"

/* Do the account's other computations fill its share already? Also of a request whose key is not
 * known to be the account's. */
bool fair_share_is_used_up(const struct exchange *exchange);
/* Both count a request of the account as long, if that is to be expected: fair_share_enter_read()
 * by the length of the body, before it is read; fair_share_enter() by the time that the account's
 * last computations took. True when the account's other computations fill the share: the request
 * has to be refused. Call them only once the key is known to be the account's: otherwise a stranger
 * could use up the account's share. */
bool fair_share_enter_read(struct exchange *exchange);
bool fair_share_enter(struct exchange *exchange);
/* Called by a computation from time to time: once it takes long, it counts. True: it has to stop,
 * as the account uses its share with others; the stop is STOP_OVER_SHARE then. */
bool fair_share_poll(struct exchange *exchange);
/* The computation is over, and counts no longer: before the answer goes out. */
void fair_share_end(struct exchange *exchange);

/* The processor time of the request, at its end, for the plan's budget: of a success, which costs
 * units too, 0 if it is less than 10 ms; of a request that costs no unit, all of it, rounded so
 * that the sum is right. Once per request. */
int64_t fair_share_measure_cpu_ms(const struct exchange *exchange);

/* 429. */
enum step_outcome fair_share_refuse(struct exchange *exchange);

#endif
