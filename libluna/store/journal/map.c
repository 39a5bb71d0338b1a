#include "journal/map.h"

#include <assert.h>
#include <stdlib.h>

void luna_journal_map_init(struct luna_journal_map *map)
{
    *map = (struct luna_journal_map){.cells = NULL};
}

void luna_journal_map_done(struct luna_journal_map *map)
{
    free(map->cells);
    luna_journal_map_init(map);
}

void luna_journal_sums_done(struct luna_journal_sums *sums)
{
    free(sums->items);
    *sums = (struct luna_journal_sums){.items = NULL};
}

static size_t place_of(const struct luna_journal_map *map, const struct luna_journal_sum *key)
{
    /* A search ends at a free cell: there has to be one. */
    assert((map->cell_count & (map->cell_count - 1)) == 0 && map->used < map->cell_count);
    uint64_t hash = (uint64_t)key->account_id * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (uint64_t)key->epoch) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (uint64_t)key->period_no) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
    size_t mask = map->cell_count - 1;
    size_t i = (size_t)hash & mask;
    for (;; i = (i + 1) & mask) {
        const struct luna_journal_sum *cell = &map->cells[i];
        if (cell->account_id == 0 ||
            (cell->account_id == key->account_id && cell->epoch == key->epoch &&
             cell->period_no == key->period_no))
            return i;
    }
}

static bool grow(struct luna_journal_map *map)
{
    struct luna_journal_map bigger = {.cell_count = map->cell_count == 0 ? 64 : map->cell_count * 2,
                                      .used = map->used};
    bigger.cells = calloc(bigger.cell_count, sizeof *bigger.cells);
    if (bigger.cells == NULL)
        return false;
    for (size_t i = 0; i < map->cell_count; i++)
        if (map->cells[i].account_id != 0)
            bigger.cells[place_of(&bigger, &map->cells[i])] = map->cells[i];
    free(map->cells);
    *map = bigger;
    return true;
}

bool luna_journal_map_add(struct luna_journal_map *map, const struct luna_journal_sum *sum)
{
    if (map->used * 4 >= map->cell_count * 3 && !grow(map))
        return false;
    struct luna_journal_sum *cell = &map->cells[place_of(map, sum)];
    assert(sum->account_id > 0 && sum->units > 0 && cell->units <= INT64_MAX - sum->units);
    if (cell->account_id == 0) {
        *cell = *sum;
        map->used++;
    } else {
        cell->units += sum->units;
    }
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct luna_journal_sum *a = left, *b = right;
    if (a->account_id != b->account_id)
        return a->account_id < b->account_id ? -1 : 1;
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    return (a->period_no > b->period_no) - (a->period_no < b->period_no);
}

void luna_journal_map_take(struct luna_journal_map *map, struct luna_journal_sums *ret_sums)
{
    size_t n = 0;
    for (size_t i = 0; i < map->cell_count; i++)
        if (map->cells[i].account_id != 0)
            map->cells[n++] = map->cells[i];
    assert(n == map->used);
    if (n > 0)
        qsort(map->cells, n, sizeof *map->cells, compare);
    *ret_sums = (struct luna_journal_sums){.items = map->cells, .count = n};
    luna_journal_map_init(map);
}
