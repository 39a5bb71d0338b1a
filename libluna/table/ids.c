#include "ids.h"

bool ids_init(struct ids *ids, struct luna_arena *arena, size_t count_max)
{
    size_t slot_count = 1;
    while (slot_count < 2 * count_max)
        slot_count *= 2;
    *ids = (struct ids){.count_max = count_max, .slot_count = slot_count};
    ids->list = luna_arena_alloc(arena, count_max * sizeof *ids->list);
    ids->slots = luna_arena_calloc(arena, slot_count, sizeof *ids->slots);
    return ids->list != NULL && ids->slots != NULL;
}

/* FNV-1a; a client who makes ids collide only slows down its own request, by at most count_max
 * steps a row, and the request has a deadline. */
static uint32_t hash(struct csv_field id)
{
    uint32_t value = 2166136261U;
    for (size_t i = 0; i < id.len; i++)
        value = (value ^ (unsigned char)id.at[i]) * 16777619U;
    return value;
}

enum ids_status ids_find(struct ids *ids, struct csv_field id, size_t *ret_index)
{
    if (ids->count > 0 && csv_same(ids->list[ids->last], id)) {
        *ret_index = ids->last;
        return IDS_OK;
    }
    size_t slot = hash(id) & (ids->slot_count - 1);
    while (ids->slots[slot] != 0 && !csv_same(ids->list[ids->slots[slot] - 1], id))
        slot = (slot + 1) & (ids->slot_count - 1);
    if (ids->slots[slot] == 0) {
        if (ids->count == ids->count_max)
            return IDS_FULL;
        ids->list[ids->count++] = id;
        ids->slots[slot] = (uint32_t)ids->count;
    }
    ids->last = ids->slots[slot] - 1;
    *ret_index = ids->last;
    return IDS_OK;
}

bool ids_watch(struct ids *ids, struct csv_field id, bool is_named)
{
    size_t index = 0, before = ids->last, known = ids->count;
    if (ids_find(ids, id, &index) == IDS_FULL)
        return ids->recurs;
    bool is_known = index < known;
    ids->recurs = ids->recurs || is_known;
    return is_named || !is_known || index == before;
}
