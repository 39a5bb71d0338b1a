/*
 * syncd.h: the daemon's event loop: signals, notifications, health pages, and the clock decide when
 * a step of a round is due.
 */
#ifndef SYNCD_SYNCD_H
#define SYNCD_SYNCD_H

#include "syncd_config.h"

/* Blocks the signals that the loop reads; call before anything that could start a thread. */
void syncd_block_signals(void);
/* Runs until SIGTERM or SIGINT. Returns the exit status: 0, 1, or LUNA_EXIT_CONFIG for a Redis
 * that would lose quota. */
int syncd_run(struct syncd_config *config);
/* Books everything once and returns: 0 done, or another daemon leads; 69 a store is away;
 * LUNA_EXIT_CONFIG as above. */
int syncd_run_once(const struct syncd_config *config);

#endif
