/*
 * scaler.h: how many workers should there be? A pure decision on measurements, with its reason.
 *
 * Grows when requests wait, or no spare worker is idle: freely while workers wait for Redis or
 * PostgreSQL, but only to the number of cores while they compute, because more processes than cores
 * make computing slower, not faster. Shrinks by one at a time after it has been quiet for a while.
 */
#ifndef FCGI_WORKER_SCALER_H
#define FCGI_WORKER_SCALER_H

#include <stdint.h>

struct scaler_input {
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

struct scaler {             /* what it remembers */
    int64_t quiet_since_ns; /* 0: not quiet */
    int64_t shrunk_ns;
};

struct scaler_decision {
    int target;
    const char *reason; /* why it differs from the input's target; NULL when it does not */
    int64_t wait_mean_us;
    int blocked_percent;
};

enum { SCALER_QUIET_MS = 30000, SCALER_SHRINK_PAUSE_MS = 5000, SCALER_STEP_MAX = 8 };

struct scaler_decision scaler_decide(struct scaler *scaler, const struct scaler_input *input);

#endif
