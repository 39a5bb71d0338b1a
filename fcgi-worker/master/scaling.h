/*
 * scaling.h: the master's side of scaler.h: measure, decide, say so.
 */
#ifndef FCGI_WORKER_SCALING_H
#define FCGI_WORKER_SCALING_H

#include <stdint.h>

struct master;

/* Sets master->target from the configuration, the measurements and what was set by hand. */
void scaling_step(struct master *master);
/* TTIN and TTOU. */
void scaling_by_hand(struct master *master, int change);
/* How long the master may leave the workers unwatched. */
int64_t scaling_pause_ns(const struct master *master);

#endif
