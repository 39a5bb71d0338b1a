/*
 * syncd.h: the event loop of the daemon: signals, notifications of PostgreSQL, health pages, and
 * the schedule of rounds.
 */
#ifndef SYNCD_SYNCD_H
#define SYNCD_SYNCD_H

#include "syncd_config.h"

/* Blocks the signals that the loop reads from a signalfd; call before any thread starts. */
void syncd_block_signals(void);
/* Runs until SIGTERM or SIGINT. Returns the exit status: 0, 1, or LUNA_EXIT_CONFIG for an unsafe
 * Redis. */
/* Its name in luna/base/reload.h. */
#define SYNCD_RELOAD_NAME "syncd"

int syncd_run(struct syncd_config *config);
/* Runs one round and returns the exit status: 0 done, or another daemon leads; 69 a store is
 * unavailable; LUNA_EXIT_CONFIG as above. */
int syncd_run_once(const struct syncd_config *config);

#endif
