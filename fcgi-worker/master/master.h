/*
 * master.h: the process that keeps the pool: one epoll loop over signals, a timer and the ends of
 * its children.
 *
 * It touches no Redis, no PostgreSQL and no request, and never sleeps but in epoll_wait. After
 * every event it runs one step that brings what is towards what should be; no event has logic of
 * its own beyond noting that it happened. Signals: TERM, INT, QUIT drain and stop (a second one
 * stops at once); HUP reloads; USR1 opens LUNA_LOG_FILE anew; USR2 takes over the binary on disk;
 * TTIN and TTOU change the pool by one.
 */
#ifndef FCGI_WORKER_MASTER_H
#define FCGI_WORKER_MASTER_H

#include "master/child.h"
#include "master/listener.h"
#include "master/pool.h"
#include "master/reload.h"
#include "master/scaler.h"
#include "master/upgrade.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"

#include <stdbool.h>
#include <stdint.h>

struct scaling_sums { /* of all workers, at the last look */
    uint64_t requests, wait_ns, worked_ns, blocked_ns;
};

struct master {
    struct generation current;
    struct generation next; /* number 0: no reload under way */
    struct listener listener;
    struct scoreboard *board;
    int board_fd;
    struct pool pool;
    struct child monitor;
    int64_t monitor_due_ns; /* when to start it again */
    bool monitor_settled;   /* its address can be had: a later failure is a passing one */
    struct reload reload;
    struct upgrade upgrade;
    struct scaler scaler;
    struct scaling_sums last_sums;
    int64_t scaled_ns;   /* when it was last decided */
    int64_t backlog_ns;  /* when the queue was last read */
    bool told_ready;     /* systemd, or the log */
    int64_t watchdog_ns; /* when the watchdog was last fed */
    int by_hand;         /* workers added with TTIN, less those taken with TTOU */
    int target;          /* workers wanted */
    bool stopping;
    int64_t stop_due_ns;
    int exit_status;
    int epoll_fd, signal_fd, timer_fd, nudge_fd;
};

/* Takes the configuration (and its strings), the listener and the scoreboard over. Opens what
 * the loop needs. */
enum luna_code master_init(struct master *master, const struct worker_config *config,
                           const struct roles *roles, const struct listener *listener,
                           struct scoreboard *board, int board_fd,
                           struct luna_error *err) LUNA_MUSTCHECK;
/* Runs until the pool has stopped; the value is the exit status. In a child it does not return. */
int master_run(struct master *master);

/* In a child: closes what only the master may hold. */
void master_abandon(struct master *master);
#endif
