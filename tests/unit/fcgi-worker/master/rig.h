/*
 * rig.h: a master on fake_io.h, with two workers unless the test wants another number, and short
 * words for what happens to it.
 */
#ifndef TEST_RIG_H
#define TEST_RIG_H

#include "fake_io.h"
#include "master/master.h"

enum { RIG_START_MS = 10000, RIG_DRAIN_MS = 15000 };

extern struct master rig;

/* cmocka's: the master is made, and nothing has started. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* Moves the clock, while every worker that is ready shows its heartbeat, and steps. */
void rig_pass_ms(int64_t ms);
/* Every worker that starts becomes ready; one step. */
void rig_make_ready(void);
/* Steps until all workers are ready. */
void rig_start(void);
/* The process ends, the master reaps it and steps. */
void rig_end(int id, int exit_status, int signal);
/* The same for every process that has ended already or was released. */
void rig_reap_all(void);
void rig_signal(int signo);
/* A request begins in a slot; its hard limit is `limit_ms` from now. */
void rig_begin_request(int slot, int64_t limit_ms);
/* Workers of every generation in one state. */
int rig_count(enum worker_state state);

#endif
