/*
 * master.h: the process that keeps the pool: a loop over signals, a timer and the ends of its
 * children.
 *
 * It touches no Redis, no PostgreSQL and no request, and sleeps only in master_io's wait(). Events
 * only note that something happened; after them master_step() compares what is there with what
 * should be and does what is missing. Signals: TERM, INT and QUIT drain and stop (a second one
 * stops at once); HUP reloads; USR1 reopens LUNA_LOG_FILE; USR2 upgrades to the binary on disk;
 * TTIN and TTOU change the pool by one worker.
 */
#ifndef FCGI_WORKER_MASTER_H
#define FCGI_WORKER_MASTER_H

#include "master/child.h"
#include "master/handover.h"
#include "master/listener.h"
#include "master/master_io.h"
#include "master/pool.h"
#include "master/reload.h"
#include "master/scaling.h"
#include "master/upgrade.h"
#include "shared/roles.h"

#include <stdbool.h>
#include <stdint.h>

struct master {
    const struct master_io *io;
    const struct roles *roles;
    struct generation current;
    struct listener listener;
    struct scoreboard *board;
    int board_fd;
    struct pool pool;
    struct scaling scaling;
    struct reload reload;
    struct upgrade upgrade;
    struct child monitor;
    int64_t monitor_due_ns; /* when to start it again */
    bool monitor_settled;   /* its address was free: a later failure may pass */
    int monitor_tries;      /* to listen on an address that another process holds */
    bool reported_ready;    /* to the service manager and the log */
    int64_t watchdog_ns;    /* when the watchdog was last fed */
    bool stopping;
    int64_t stop_due_ns; /* when a stop kills what is left */
    int exit_status;
    char stop_reason[SCOREBOARD_REASON_BYTES]; /* of an exit status that is not 0 */
};

/* What the master takes over and works with. */
struct master_options {
    const struct master_io *io;
    int nudge_fd; /* master_io_open() */
    const struct roles *roles;
    const struct worker_config *config; /* copied; its strings belong to the master */
    struct listener listener;
    struct scoreboard *board;
    int board_fd;
    struct pool_lock lock;
};

void master_init(struct master *master, const struct master_options *options);
/* Takes over what an earlier image left. A child that cannot be watched is released. */
void master_adopt(struct master *master, const struct handover *handover);
/* Runs until the pool has stopped; the value is the exit status. In a child it does not return. */
int master_run(struct master *master);

/* master_run() is these in a loop; unit tests call them one by one. */
void master_take_event(struct master *master, const struct master_event *event);
/* Returns when the next step is due at the latest (CLOCK_MONOTONIC, ns). */
int64_t master_step(struct master *master);
bool master_has_stopped(const struct master *master);

#endif
