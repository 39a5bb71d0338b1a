/*
 * drain.h: strict mode's part of a fence: books what Redis counted, and closes those epochs.
 * Private to the store.
 */
#ifndef LUNA_STORE_BOOKING_DRAIN_H
#define LUNA_STORE_BOOKING_DRAIN_H

#include "booking/booker.h"
#include "journal/sums.h"

struct luna_drain {
    int64_t last_incarnation; /* the last that Redis knows: its counters are true */
    int64_t incarnation;      /* the one that follows */
    const struct luna_journal_sums *journals;
};

/* Of every account with an open epoch whose counters Redis still has: refunds what was not
 * confirmed, books the rest, and closes the epoch. Left open are accounts that Redis has lost,
 * those that were not opened in strict mode, and those of which PostgreSQL or a journal knows more
 * than Redis does, as somebody put back an older Redis: they are recovered from the journals.
 * Nothing can be charged or confirmed meanwhile: all scripts were flushed. Adds to the report. */
enum luna_code luna_booking_drain(struct luna_booker *booker, const struct luna_drain *drain,
                                  struct luna_fence_report *report,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
