/*
 * long_runs.h: which accounts have computations that take long, in the scoreboard.
 *
 * Short computations are not listed: they end before they could take an account's share of the
 * pool. How long one takes is known only while it runs. So an account whose computations took long
 * is remembered for LONG_RUNS_MEMORY_NS after their end, and its next ones can be listed from their
 * start. Each worker writes its own entry, and all workers read. The entry of a killed worker
 * counts until its request would have ended.
 */
#ifndef FCGI_WORKER_LONG_RUNS_H
#define FCGI_WORKER_LONG_RUNS_H

#include "shared/scoreboard.h"

#include <stdbool.h>
#include <stdint.h>

#define LONG_RUNS_MEMORY_NS INT64_C(2000000000)

/* Lists the computation of `slot`, which ends at `until_ns` at the latest. */
void long_runs_begin(struct scoreboard *board, const struct scoreboard_worker *slot,
                     int64_t account_id, int64_t until_ns);
void long_runs_end(struct scoreboard *board, const struct scoreboard_worker *slot);
/* Remembers that a computation of that account took long. */
void long_runs_remember(struct scoreboard *board, const struct scoreboard_worker *slot,
                        int64_t account_id, int64_t now_ns);
/* Does the account have a listed computation, or did one of its take long a moment ago? */
bool long_runs_expected(const struct scoreboard *board, int64_t account_id, int64_t now_ns);
/* How many other slots are listed with that account. */
int long_runs_of_others(const struct scoreboard *board, const struct scoreboard_worker *slot,
                        int64_t account_id, int64_t now_ns);

#endif
