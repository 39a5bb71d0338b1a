/*
 * journal_map.h: a hash table that adds up units per account, epoch and period. Private to the
 * journal's readers.
 */
#ifndef LUNA_STORE_JOURNAL_MAP_H
#define LUNA_STORE_JOURNAL_MAP_H

#include "journal/sums.h"

#include <stdbool.h>

struct luna_journal_map {
    struct luna_journal_sum *cells; /* account_id 0: free */
    size_t cell_count, used;
};

void luna_journal_map_init(struct luna_journal_map *map);
void luna_journal_map_done(struct luna_journal_map *map);
/* False: no memory. */
bool luna_journal_map_add(struct luna_journal_map *map,
                          const struct luna_journal_sum *sum) LUNA_MUSTCHECK;
/* Turns the table into its sorted contents; the map is empty afterwards. */
void luna_journal_map_take(struct luna_journal_map *map, struct luna_journal_sums *ret_sums);

#endif
