/*
 * scaling.h: how many workers there should be.
 *
 * scaling_step() measures the pool through the scoreboard; scaling_decide() is the decision, pure,
 * with its reason. The target grows when requests wait or no spare worker is idle: freely while
 * workers wait for Redis or PostgreSQL, but only to the number of cores while they compute, because
 * more processes than cores make computing slower, not faster. It shrinks by one at a time after
 * the pool has been quiet for a while.
 */
#ifndef FCGI_WORKER_SCALING_H
#define FCGI_WORKER_SCALING_H

#include "master/pool.h"

#include <stdint.h>

enum { SCALING_QUIET_MS = 30000, SCALING_SHRINK_PAUSE_MS = 5000, SCALING_STEP_MAX = 8 };

/* Of all workers, since the pool started. */
struct scaling_sums {
    uint64_t requests, wait_ns, worked_ns, blocked_ns;
};

struct scaling {
    int target;             /* workers wanted */
    int by_hand;            /* workers added with TTIN, less those taken with TTOU */
    int64_t quiet_since_ns; /* 0: not quiet */
    int64_t shrunk_ns;
    int64_t looked_ns;        /* when it was last decided */
    int64_t backlog_ns;       /* when the queue was last read */
    struct scaling_sums sums; /* at the last look */
};

struct scaling_input {
    int64_t now_ns;
    int min, max, spare, cores;
    int target; /* as decided last */
    int idle;   /* ready or starting, with no request */
    int busy;
    int busy_blocked;  /* of the busy: in a phase that waits for a store */
    int backlog;       /* connections in the socket's queue */
    uint64_t requests; /* since the last look */
    int64_t wait_ns;   /* their summed queue wait */
    int64_t wait_target_ns;
    int64_t worked_ns;  /* their summed time in all phases … */
    int64_t blocked_ns; /* … and in those that wait for a store */
};

struct scaling_decision {
    int target;
    const char *reason; /* why it differs from the input's target; NULL when it does not */
    int64_t wait_mean_us;
    int blocked_percent;
};

struct scaling_decision scaling_decide(struct scaling *scaling, const struct scaling_input *input);

/* Sets the target from the configuration, the measurements and what was set by hand. */
void scaling_step(struct scaling *scaling, const struct pool *pool,
                  const struct generation *generation);
/* TTIN and TTOU. */
void scaling_by_hand(struct scaling *scaling, const struct worker_config *config, int change);
/* How long the master may leave the workers unwatched. */
int64_t scaling_pause_ns(const struct pool *pool);

#endif
