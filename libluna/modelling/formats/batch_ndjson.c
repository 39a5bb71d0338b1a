/* Batches of NDJSON: a line a request. */
#include "formats/batch_items.h"

#include <assert.h>
#include <string.h>

static bool line_is_empty(const char *at, size_t len)
{
    size_t blank = 0;
    while (blank < len && (at[blank] == ' ' || at[blank] == '\t' || at[blank] == '\r'))
        blank++;
    return blank == len;
}

static bool line_decode(struct batch_items *items, const char *at, size_t len, size_t line)
{
    assert(items->batch.count <= LUNA_BATCH_SERIES_MAX);
    struct luna_batch_item *item = &items->batch.items[items->batch.count];
    struct luna_faults found;
    luna_faults_init(&found, items->arena);
    enum luna_decode_status status =
        luna_decode_json_series(at, len, items->limits, items->arena, &item->request, &found);
    const struct luna_fault_loc step = {.index = (long)line};
    batch_faults_move(&found, 0, &step, 1);
    items->batch.count++;
    return batch_item_settle(items, status, item, &found);
}

static size_t lines_count(const char *body, size_t len)
{
    size_t count = 1;
    for (size_t i = 0; i < len; i++)
        count += body[i] == '\n';
    return count;
}

enum luna_decode_status luna_decode_batch_ndjson(const char *body, size_t len,
                                                 const struct luna_request_limits *limits,
                                                 struct luna_arena *arena,
                                                 struct luna_batch *ret_batch,
                                                 struct luna_faults *faults)
{
    struct batch_items items = {.limits = limits, .arena = arena, .faults = faults};
    size_t room = lines_count(body, len);
    room = room > LUNA_BATCH_SERIES_MAX ? LUNA_BATCH_SERIES_MAX + 1 : room;
    if (!batch_items_alloc(&items, room))
        return LUNA_DECODE_MEMORY;
    bool going = true;
    size_t line = 0;
    for (const char *at = body, *end = body + len; going && at < end && items.batch.count < room;
         line++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = (size_t)((feed != NULL ? feed : end) - at);
        if (!line_is_empty(at, line_len))
            going = line_decode(&items, at, line_len, line);
        at += line_len + 1;
    }
    if (going && items.batch.count == 0)
        (void)luna_faults_add(faults, "too_short", "The body should have at least 1 line, not 0",
                              "send one request per line: {\"results\":[1,2,3]}");
    else if (going && items.batch.count > LUNA_BATCH_SERIES_MAX)
        (void)luna_faults_add(faults, "too_long",
                              luna_arena_printf(arena, "The body should have at most %d lines",
                                                LUNA_BATCH_SERIES_MAX),
                              "send fewer series in one request");
    *ret_batch = items.batch;
    return batch_outcome(&items);
}
