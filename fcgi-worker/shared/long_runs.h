/*
 * long_runs.h: which accounts have computations that take long, in the scoreboard.
 *
 * Short computations are not listed: they end before they could take an account's share of the
 * pool. Who: each worker writes its own entry, and all workers read. The entry of a killed worker
 * counts until its request would have ended.
 */
#ifndef FCGI_WORKER_LONG_RUNS_H
#define FCGI_WORKER_LONG_RUNS_H

#include "shared/scoreboard.h"

#include <stdint.h>

/* Lists the computation of `slot`, which ends at `until_ns` at the latest. */
void long_runs_begin(struct scoreboard *board, const struct scoreboard_worker *slot,
                     int64_t account_id, int64_t until_ns);
void long_runs_end(struct scoreboard *board, const struct scoreboard_worker *slot);
/* How many other slots are listed with that account. */
int long_runs_of_others(const struct scoreboard *board, const struct scoreboard_worker *slot,
                        int64_t account_id, int64_t now_ns);

#endif
