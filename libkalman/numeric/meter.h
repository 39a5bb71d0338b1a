/*
 * When to look at the caller's hook: after a certain amount of work, not after so many steps, for a
 * step of a model with hundreds of states costs a hundred thousand times one of a local level.
 * Private to libkalman.
 */
#ifndef KALMAN_METER_H
#define KALMAN_METER_H

#include <kalman/run.h>
#include <stdbool.h>
#include <stddef.h>

/* Multiplications and additions between two looks: a few tenths of a millisecond. */
enum { METER_WORK = 1 << 18 };

struct meter {
    struct kalman_hook hook;
    size_t work; /* since the last look */
    bool cancelled;
};

/* Looks at once; true when the call is to stop, from then on always. */
static inline bool meter_asks(struct meter *meter)
{
    meter->work = 0;
    if (!meter->cancelled && meter->hook.cancelled)
        meter->cancelled = meter->hook.cancelled(meter->hook.context) != 0;
    return meter->cancelled;
}

/* Counts work about to be done, and looks when it has added up. */
static inline bool meter_stops(struct meter *meter, size_t work)
{
    meter->work += work;
    return meter->work >= METER_WORK ? meter_asks(meter) : meter->cancelled;
}

#endif
