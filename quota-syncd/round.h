/*
 * round.h: one round of quota-syncd's work, in the order that README.md explains.
 *
 * A round: check that this Redis keeps what it is told; take or keep the leadership; fence a Redis
 * that restarted; carry changed limits and keys to Redis; book every dirty account, in batches; and
 * every so often keep house (partitions ahead, periods of idle accounts, journals) and check
 * conservation. Everything here can be broken off at any point and done again: the compare-and-set
 * in the ledger decides what counts.
 */
#ifndef SYNCD_ROUND_H
#define SYNCD_ROUND_H

#include "luna/base/error.h"
#include "metrics.h"
#include "schedule.h"
#include "syncd_config.h"

#include <stdbool.h>

struct round;

/* Called between two batches, so that the owner can serve its pages during a long round; false
 * ends the round early. */
typedef bool (*round_pause)(void *context);

/* Opens nothing yet. `config` and `metrics` are borrowed for the round's life; the metrics are kept
 * up to date in place. LUNA_ECONFIG: a URL that cannot be read. */
enum luna_code round_new(const struct syncd_config *config, struct syncd_metrics *metrics,
                         round_pause pause, void *context, struct round **ret_round,
                         struct luna_error *err) LUNA_MUSTCHECK;
/* Gives the leadership up and closes the connections. NULL is fine. */
void round_free(struct round *round);

/* One whole round. `err` says why on ROUND_FAILED and ROUND_REFUSED. */
enum round_outcome round_run(struct round *round, struct luna_error *err);

/* The descriptor on which announcements arrive, or -1 while there is none; ask again before
 * every poll. */
int round_hint_fd(const struct round *round);
/* Takes what arrived on it. True: there is work, or the session broke and has to be made again. */
bool round_take_hints(struct round *round);

#endif
