/*
 * ids.h: the different ids of a column, in the order of their first rows. Private to this library.
 */
#ifndef LUNA_TABLE_IDS_H
#define LUNA_TABLE_IDS_H

#include "csv_scan.h"
#include "luna/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ids {
    struct csv_field *list; /* [count] */
    size_t count, count_max;
    uint32_t *slots; /* 1 + index into the list; 0: free */
    size_t slot_count;
    size_t last; /* of the last ids_find(): rows of one series mostly follow each other */
    bool recurs; /* ids_watch() has seen an id twice */
};

enum ids_status { IDS_OK, IDS_FULL };

/* Room for `count_max` different ids. False: out of memory. */
bool ids_init(struct ids *ids, struct luna_arena *arena, size_t count_max)
    __attribute__((warn_unused_result));
/* The index of an id, which is added when it is new. */
enum ids_status ids_find(struct ids *ids, struct csv_field id, size_t *ret_index)
    __attribute__((warn_unused_result));

/* The same for a column that may hold ids. False: it does not. Ids that come back after others are
 * none, unless the column `is_named` as one of ids; nor are more of them than there is room for,
 * each on one row. */
bool ids_watch(struct ids *ids, struct csv_field id, bool is_named)
    __attribute__((warn_unused_result));

#endif
