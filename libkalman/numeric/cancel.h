/*
 * The one way in which a call of libkalman is cancelled: every loop whose length the caller decides
 * counts its work here, and the caller's hook is asked when enough has added up. Work, not steps: a
 * step of a model with hundreds of states costs a hundred thousand times one of a local level.
 * Private to libkalman.
 */
#ifndef KALMAN_CANCEL_H
#define KALMAN_CANCEL_H

#include <kalman/run.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    /* Multiplications and additions between two questions: a few tenths of a millisecond. */
    CANCEL_WORK = 1 << 18,
    /* Work that asks at once. */
    CANCEL_NOW = CANCEL_WORK,
    /* Work of one time point of a local level, counted so that the hook is asked every 4,096. */
    CANCEL_LEVEL_POINT = CANCEL_WORK / 4096
};

/* Initialise with the hook; the rest is zero. */
struct cancel_check {
    struct kalman_hook hook;
    size_t work;    /* since the hook was last asked */
    bool cancelled; /* the hook has said so; stays true, and the hook is not asked again */
};

/* The check of a call with these options, or none. */
static inline struct cancel_check cancel_check_of(const struct kalman_options *options)
{
    return (struct cancel_check){.hook =
                                     options ? options->hook : (struct kalman_hook){NULL, NULL}};
}

/* Counts work about to be done; true when the caller wants the call to stop. check may be NULL:
 * the call cannot be cancelled. A caller that sees true returns KALMAN_ECANCELLED, and what it
 * computed so far is worthless. */
static inline bool cancel_poll(struct cancel_check *check, size_t work)
{
    if (!check)
        return false;
    check->work += work;
    if (check->work >= CANCEL_WORK) {
        check->work = 0;
        if (!check->cancelled && check->hook.cancelled)
            check->cancelled = check->hook.cancelled(check->hook.context);
    }
    return check->cancelled;
}

#endif
