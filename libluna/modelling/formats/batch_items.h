/*
 * batch_items.h: the items of a batch that is being decoded. Private to this library.
 */
#ifndef LUNA_MODELLING_BATCH_ITEMS_H
#define LUNA_MODELLING_BATCH_ITEMS_H

#include "luna/modelling/batch.h"

#include <stdbool.h>
#include <stddef.h>

struct batch_items {
    const struct luna_request_limits *limits;
    struct luna_arena *arena;
    struct luna_faults *faults; /* of the body as a whole */
    struct luna_batch batch;
    struct luna_faults *silent; /* of the items after those whose faults are listed */
    size_t listed;              /* faults of items */
    bool out_of_memory, too_long;
};

/* Room for `count` items. False: out of memory. */
bool batch_items_alloc(struct batch_items *items, size_t count) __attribute__((warn_unused_result));

/* Puts `steps` in place of the first `dropped` places of each loc after "body". */
void batch_faults_move(struct luna_faults *faults, int dropped, const struct luna_fault_loc *steps,
                       int step_count);

/* Too many points together. Returns false. */
bool batch_fault_long(struct batch_items *items);

/* What an item's own decoder found, into the batch. The points of all series together have a
 * limit too. False: stop. */
bool batch_item_settle(struct batch_items *items, enum luna_decode_status status,
                       struct luna_batch_item *item, struct luna_faults *found)
    __attribute__((warn_unused_result));

enum luna_decode_status batch_outcome(const struct batch_items *items)
    __attribute__((warn_unused_result));

#endif
