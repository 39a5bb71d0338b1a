/*
 * journal_sums.h: what all workers of the host have answered, added up. Private to the store.
 *
 * The caller has raised the page's counters of the accounts in question before; see journal_page.h.
 */
#ifndef LUNA_STORE_JOURNAL_SUMS_H
#define LUNA_STORE_JOURNAL_SUMS_H

#include "luna/base/clock.h"
#include "luna/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct luna_journal_sum {
    int64_t account_id, epoch, period_no, units;
};

/* Sorted by account, epoch, period. Owned: luna_journal_sums_done(). */
struct luna_journal_sums {
    struct luna_journal_sum *items;
    size_t count;
};

/* Of one account (0: of all) and one epoch (-1: of all). Waits until no worker is in the middle
 * of an append: LUNA_ETIMEOUT. */
enum luna_code luna_journal_sums_read(const char *dir, int64_t account_id, int64_t epoch,
                                      struct luna_deadline deadline,
                                      struct luna_journal_sums *ret_sums,
                                      struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_sums_done(struct luna_journal_sums *sums);

/* Brings every record that was written before the call to the disk. Bookings do this between
 * reading Redis's counters and writing PostgreSQL's: after a power loss the journals must not know
 * less than the ledger. */
enum luna_code luna_journal_sync(const char *dir, struct luna_error *err) LUNA_MUSTCHECK;

/* Replaces segments that nobody writes to any more by their sums. Of an account only its newest
 * epoch is kept, and of that the newest periods: older ones are closed in PostgreSQL and never
 * asked for. */
enum luna_code luna_journal_fold(const char *dir, struct luna_deadline deadline,
                                 int64_t *ret_segments, int64_t *ret_bytes_left,
                                 struct luna_error *err) LUNA_MUSTCHECK;

#endif
