/*
 * recycle.h: when a worker is to be replaced: after so many requests, at an age, or at a memory
 * use.
 *
 * The first two have a jitter of plus or minus a tenth, so that workers that started together do
 * not end together.
 */
#ifndef FCGI_WORKER_RECYCLE_H
#define FCGI_WORKER_RECYCLE_H

#include "shared/worker_config.h"

#include <stdbool.h>
#include <stdint.h>

struct recycle {
    int64_t requests;
    int64_t requests_max; /* 0: no limit */
    int64_t retire_ns;    /* CLOCK_MONOTONIC; 0: no limit */
    int64_t memory_bytes_max;
    const char *reason;
};

void recycle_init(struct recycle *recycle, const struct worker_config *config);
/* One more request is done. */
void recycle_count(struct recycle *recycle);
/* True: a limit is reached, and recycle_reason() says which. */
bool recycle_check(struct recycle *recycle);
/* NULL before recycle_check() has returned true. */
const char *recycle_reason(const struct recycle *recycle);
/* `limit` moved by up to a tenth either way; `random` is uniform over its range. */
int64_t recycle_jitter(int64_t limit, uint32_t random);

#endif
