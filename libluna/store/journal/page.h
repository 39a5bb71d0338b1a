/*
 * page.h: the memory that all workers of a host and quota-syncd share: a mapped file beside the
 * journals. Private to the store.
 *
 * seq[]: recovery counters, one per stripe of accounts. A recovery raises an account's counter
 * before it reads the journals; a worker that finds the counter changed since the admission must
 * ask Redis whether its charge still stands. slots[]: each worker's outstanding charge, so that its
 * successor can refund it after a kill, and the number from which the successor counts on. All of
 * it may be lost with the machine: then the workers are gone too.
 */
#ifndef LUNA_STORE_JOURNAL_PAGE_H
#define LUNA_STORE_JOURNAL_PAGE_H

#include "luna/base/error.h"
#include "luna/store/worker_slots.h"

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
    _Atomic int64_t wseq; /* 0: nothing outstanding; written last, so that the rest is valid */
    int64_t account_id;
    char idempotency_field[64];
    _Atomic int64_t used_wseq; /* the highest number that a worker of the slot used; 0: none */
};

struct luna_journal_page {
    _Atomic uint64_t seq[LUNA_JOURNAL_STRIPES];
    _Atomic uint64_t counters[LUNA_JOURNAL_COUNTERS];
    struct luna_journal_slot slots[LUNA_WORKERS_MAX];
};

/* Maps DIR/page, and creates it when missing. `dir_fd` is an open directory. */
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
    assert(counter < LUNA_JOURNAL_COUNTERS);
    atomic_fetch_add_explicit(&page->counters[counter], 1, memory_order_relaxed);
}

#endif
