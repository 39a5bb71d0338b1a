#include "formats/batch_items.h"

#include <assert.h>
#include <string.h>

enum luna_decode_status batch_outcome(const struct batch_items *items)
{
    if (items->out_of_memory)
        return LUNA_DECODE_MEMORY;
    if (items->too_long)
        return LUNA_DECODE_LONG;
    return items->faults->count > 0 ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}

void batch_faults_move(struct luna_faults *faults, int dropped, const struct luna_fault_loc *steps,
                       int step_count)
{
    for (size_t i = 0; i < faults->count; i++) {
        struct luna_fault moved = faults->list[i];
        assert(moved.loc_count >= 1 && 1 + step_count <= LUNA_FAULT_LOC_MAX);
        int from = 1 + (dropped < moved.loc_count - 1 ? dropped : moved.loc_count - 1);
        int rest = moved.loc_count - from;
        if (rest > LUNA_FAULT_LOC_MAX - 1 - step_count)
            rest = LUNA_FAULT_LOC_MAX - 1 - step_count;
        memcpy(moved.loc + 1, steps, (size_t)step_count * sizeof *steps);
        memcpy(moved.loc + 1 + step_count, faults->list[i].loc + from,
               (size_t)rest * sizeof *steps);
        moved.loc_count = 1 + step_count + rest;
        faults->list[i] = moved;
    }
}

/* The faults of one item, kept. So that an answer made of faults stays short, only LUNA_FAULTS_MAX
 * are listed of the whole batch: the items after that share one empty list. */
static struct luna_faults *faults_keep(struct batch_items *items, struct luna_faults *found)
{
    assert(items->listed <= LUNA_FAULTS_MAX && found->count <= LUNA_FAULTS_MAX);
    size_t room = LUNA_FAULTS_MAX - items->listed;
    if (room == 0 && items->silent != NULL)
        return items->silent;
    struct luna_faults *kept = luna_arena_alloc(items->arena, sizeof *kept);
    if (kept == NULL)
        return NULL;
    if (found->count > room) {
        found->count = room;
        found->more = true;
    }
    *kept = *found;
    items->listed += kept->count;
    if (room == 0)
        items->silent = kept;
    return kept;
}

bool batch_fault_long(struct batch_items *items)
{
    (void)luna_faults_add(items->faults, "too_long",
                          luna_arena_printf(items->arena,
                                            "The series should have at most %zu items together",
                                            items->limits->points_max),
                          "send fewer series in one request");
    items->too_long = true;
    return false;
}

bool batch_items_alloc(struct batch_items *items, size_t count)
{
    items->batch.items = luna_arena_calloc(items->arena, count, sizeof *items->batch.items);
    items->out_of_memory = items->batch.items == NULL;
    return !items->out_of_memory;
}

bool batch_item_settle(struct batch_items *items, enum luna_decode_status status,
                       struct luna_batch_item *item, struct luna_faults *found)
{
    if (status == LUNA_DECODE_MEMORY) {
        items->out_of_memory = true;
        return false;
    }
    if (status == LUNA_DECODE_FAULTS) {
        item->faults = faults_keep(items, found);
        items->out_of_memory = item->faults == NULL;
        return !items->out_of_memory;
    }
    if (status == LUNA_DECODE_LONG)
        return batch_fault_long(items);
    items->batch.sound++;
    items->batch.points += item->request.n;
    return items->batch.points <= items->limits->points_max || batch_fault_long(items);
}
