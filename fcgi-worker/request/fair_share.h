/*
 * fair_share.h: no account takes the whole pool with computations that take long.
 *
 * An account may have so many of them at once as its share of the pool: half of its workers, or
 * LUNA_ACCOUNT_WORKERS_MAX, and always fewer than all. How long one takes is known only while it
 * runs, so what is too much is stopped then, and refused beforehand while the share is in use. Of
 * several that begin to take long at one moment, more than necessary may be stopped, never fewer.
 */
#ifndef FCGI_WORKER_FAIR_SHARE_H
#define FCGI_WORKER_FAIR_SHARE_H

#include "request/exchange.h"

/* Does the account use all of its share already? */
bool fair_share_is_used_up(const struct exchange *exchange);
/* Called before the body is read. A body so large that reading it alone takes long counts from here
 * on. True: the account uses its share with others, and the request has to be refused. */
bool fair_share_claim(struct exchange *exchange);
/* Called by a computation from time to time: once it takes long, it counts. True: it has to stop,
 * as the account uses its share with others; exchange->over_share says so. */
bool fair_share_poll(struct exchange *exchange);
/* The request is over. */
void fair_share_end(struct exchange *exchange);

/* 429. */
enum step_outcome fair_share_refuse(struct exchange *exchange);

#endif
