/*
 * schedule.h: when the next round of booking is due. Pure: time comes in as an argument.
 */
#ifndef SYNCD_SCHEDULE_H
#define SYNCD_SCHEDULE_H

#include "backoff.h"

#include <stdint.h>

/* How a round ended. */
enum round_outcome {
    ROUND_DONE,    /* everything that was dirty is booked */
    ROUND_STOPPED, /* ended early because the daemon stops; some accounts are still dirty */
    ROUND_STANDBY, /* another daemon leads */
    ROUND_FAILED,  /* a store cannot be reached or refused work */
    ROUND_REFUSED  /* this Redis would lose quota: the daemon will not work with it */
};

enum {
    /* however many hints come, rounds begin no closer together than this */
    /* or one interval, if that is shorter: a healed store is booked within two */
    SCHEDULE_HINT_GAP_MS = 20,
    SCHEDULE_BACKOFF_BASE_MS = 50,
    SCHEDULE_BACKOFF_MAX_MS = 5000
};

struct schedule {
    int64_t due_ms;
    int64_t began_ms; /* the last round */
    enum round_outcome last;
    struct backoff backoff;
};

/* The first round is due at once. */
void schedule_init(struct schedule *schedule, int64_t now_ms, uint64_t seed);
/* A round that began at `began_ms` ended at `now_ms`. */
void schedule_ended(struct schedule *schedule, enum round_outcome outcome, int64_t began_ms,
                    int64_t now_ms, int64_t interval_ms);
/* Somebody says there is work. Brings the next round forward, unless rounds fail: then only the
 * backoff decides. */
void schedule_hint(struct schedule *schedule, int64_t now_ms);
/* Milliseconds to wait, 0 when due. Fits poll(2). */
int schedule_wait_ms(const struct schedule *schedule, int64_t now_ms);

#endif
