/*
 * page.h: the memory that all workers of a host and quota-syncd share: a mapped file beside
 * the journals. Private to the store.
 *
 * seq[]: one counter per stripe of accounts. Whoever is about to read the journals as the truth
 * about an account raises its counter first; a worker that finds it changed since it was admitted
 * must ask whether its charge still stands. slots[]: what each worker has charged and not yet
 * settled, so that its successor can give it back after a kill. All of it may be lost with the
 * machine: the workers are gone then, too.
 */
#ifndef LUNA_STORE_JOURNAL_PAGE_H
#define LUNA_STORE_JOURNAL_PAGE_H

#include "luna/base/error.h"
#include "luna/store/admission.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

enum { LUNA_JOURNAL_STRIPES = 4096 };

enum luna_journal_counter {
    LUNA_COUNT_ADMISSIONS,
    LUNA_COUNT_COLD_LOADS,
    LUNA_COUNT_LOAD_WAITS,
    LUNA_COUNT_VOIDED,
    LUNA_COUNT_RETRIES,
    LUNA_JOURNAL_COUNTERS
};

struct luna_journal_slot {
    _Atomic int64_t wseq; /* 0: nothing unsettled; written last when set, first when cleared */
    int64_t account_id;
    char idempotency_field[72];
};

struct luna_journal_page {
    _Atomic uint64_t seq[LUNA_JOURNAL_STRIPES];
    _Atomic uint64_t counters[LUNA_JOURNAL_COUNTERS];
    struct luna_journal_slot slots[LUNA_WORKERS_MAX];
};

/* Maps DIR/page, which is made when missing. `dir_fd` is an open directory. */
enum luna_code luna_journal_page_map(int dir_fd, struct luna_journal_page **ret_page,
                                     struct luna_error *err) LUNA_MUSTCHECK;
void luna_journal_page_unmap(struct luna_journal_page *page);

static inline _Atomic uint64_t *luna_journal_page_seq(struct luna_journal_page *page,
                                                      int64_t account_id)
{
    assert(account_id > 0);
    return &page->seq[(uint64_t)account_id % LUNA_JOURNAL_STRIPES];
}

static inline void luna_journal_page_count(struct luna_journal_page *page,
                                           enum luna_journal_counter counter)
{
    atomic_fetch_add_explicit(&page->counters[counter], 1, memory_order_relaxed);
}

#endif
