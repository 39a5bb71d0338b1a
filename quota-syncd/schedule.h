/*
 * schedule.h: when the next round of booking is due. Pure: the time is an argument.
 */
#ifndef SYNCD_SCHEDULE_H
#define SYNCD_SCHEDULE_H

#include "backoff.h"

#include <stdint.h>

/* How a round ended. */
enum round_outcome {
    ROUND_DONE,    /* every dirty account is booked */
    ROUND_STOPPED, /* ended early because the daemon stops; some accounts are still dirty */
    ROUND_STANDBY, /* another daemon leads */
    ROUND_FAILED,  /* a store is unavailable or returned an error */
    ROUND_REFUSED  /* this Redis could lose quota, so the daemon does not use it */
};

enum {
    SCHEDULE_HINT_GAP_MS = 20, /* the minimum between the starts of two rounds, despite hints */
    SCHEDULE_BACKOFF_BASE_MS = 50,
    /* or one interval, if that is shorter: bookings resume within two intervals of a recovery */
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
/* There may be work: moves the next round forward, unless rounds fail; then the backoff decides. */
void schedule_hint(struct schedule *schedule, int64_t now_ms);
/* The next round is due at once, whatever failed before: the settings are new. */
void schedule_now(struct schedule *schedule, int64_t now_ms);
/* Milliseconds until the next round, 0 when it is due; a valid timeout for poll(2). */
int schedule_wait_ms(const struct schedule *schedule, int64_t now_ms);

#endif
