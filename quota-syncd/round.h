/*
 * round.h: one round of booking; README.md explains the order of its steps.
 *
 * A round checks that Redis is configured to keep its data; acquires or keeps the leadership;
 * fences a Redis that restarted; pushes changed limits and keys to Redis; books every dirty
 * account, in batches; and, at intervals, does housekeeping (partitions in advance, periods of idle
 * accounts, journals) and checks conservation. Every step can be interrupted and repeated: the
 * compare-and-set in the ledger ensures that each unit is booked once.
 */
#ifndef SYNCD_ROUND_H
#define SYNCD_ROUND_H

#include "luna/base/error.h"
#include "metrics.h"
#include "schedule.h"
#include "syncd_config.h"

#include <stdbool.h>

struct round;

/* Called between two batches, so that the owner can serve its pages during a long round; returns
 * false to end the round early. */
typedef bool (*round_pause)(void *context);

/* Connects to nothing yet. `config` and `metrics` are borrowed until round_free(); the metrics are
 * updated in place. LUNA_ECONFIG: an invalid URL, or an unusable LUNA_STATE_DIR. */
enum luna_code round_new(const struct syncd_config *config, struct syncd_metrics *metrics,
                         round_pause pause, void *context, struct round **ret_round,
                         struct luna_error *err) LUNA_MUSTCHECK;
/* Releases the leadership and closes the connections. NULL is allowed. */
void round_free(struct round *round);

/* Before `fresh` replaces the settings: if those of the stores differ, checks that both stores can
 * be used with them, and lets the next rounds use them. The leadership is then acquired again. On
 * failure nothing has changed. Not during a round. */
enum luna_code round_reload(struct round *round, const struct syncd_config *fresh,
                            struct luna_error *err) LUNA_MUSTCHECK;

/* Runs one round. `err` holds the cause of ROUND_FAILED and ROUND_REFUSED. */
enum round_outcome round_run(struct round *round, struct luna_error *err) LUNA_MUSTCHECK;

/* The descriptor on which notifications of PostgreSQL arrive, or -1 while there is none; it may
 * change with every round. */
int round_hint_fd(const struct round *round);
/* Reads the notifications. True: there is work, or the session failed and has to be reopened. */
bool round_take_hints(struct round *round);

#endif
