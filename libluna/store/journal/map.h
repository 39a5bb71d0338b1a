/*
 * map.h: a hash table that adds up units per account, epoch and period. Private to the
 * journal.
 */
#ifndef LUNA_STORE_JOURNAL_MAP_H
#define LUNA_STORE_JOURNAL_MAP_H

#include "luna/base/error.h"

#include <stdbool.h>
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
void luna_journal_sums_done(struct luna_journal_sums *sums);

struct luna_journal_map {
    struct luna_journal_sum *cells; /* account_id 0: free */
    size_t cell_count, used;
};

void luna_journal_map_init(struct luna_journal_map *map);
void luna_journal_map_done(struct luna_journal_map *map);
/* False: no memory. */
bool luna_journal_map_add(struct luna_journal_map *map,
                          const struct luna_journal_sum *sum) LUNA_MUSTCHECK;
/* Moves the sums out, sorted; the map is empty afterwards. */
void luna_journal_map_take(struct luna_journal_map *map, struct luna_journal_sums *ret_sums);

#endif
