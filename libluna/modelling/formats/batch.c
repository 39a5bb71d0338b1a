#include "luna/modelling/batch.h"

#include "formats/batch_items.h"
#include "formats/json_scan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A body may have so many values that are not points: the series, their sizes, options. */
enum { VALUES_BESIDE_POINTS = 2 * LUNA_BATCH_SERIES_MAX + 4096 };

struct decoder {
    struct json_scan scan;
    struct batch_items items;
    struct json_span series, y, sizes; /* the members, at == NULL when absent */
    char *options;                     /* the other members, as an object of their own */
    size_t options_len;
};

static bool span_is(struct json_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static void fault_member(struct decoder *d, const char *name, const char *type, const char *msg,
                         const char *hint)
{
    luna_fault_at(luna_faults_add(d->items.faults, type, msg, hint), name);
}

/* Series number `index`: {"id": …, "results": […]}. dropped: places of a fault that the client
 * did not send. */
static bool named_decode(struct decoder *d, size_t index, struct json_span text, int dropped,
                         const struct luna_request *shared)
{
    assert(index < d->items.batch.count);
    struct luna_batch_item *item = &d->items.batch.items[index];
    struct luna_faults found;
    struct luna_request own = {.id = NULL};
    luna_faults_init(&found, d->items.arena);
    enum luna_decode_status status =
        luna_decode_json_named(text.at, text.len, d->items.limits, d->items.arena, &own, &found);
    const struct luna_fault_loc steps[] = {{.name = "series"}, {.index = (long)index}};
    batch_faults_move(&found, dropped, steps, 2);
    item->request = *shared;
    item->request.id = own.id;
    if (status == LUNA_DECODE_OK) {
        item->request.values = own.values;
        item->request.values_own = own.values_own;
        item->request.n = own.n;
        item->request.input = own.input;
        item->request.input_len = own.input_len;
    }
    return batch_item_settle(&d->items, status, item, &found);
}

/* Series number `index`, whose elements stand in `text`, brackets not included. */
static bool item_decode(struct decoder *d, size_t index, struct json_span text,
                        const struct luna_request *shared)
{
    static const char head[] = "{\"results\":[", tail[] = "]}";
    size_t len = sizeof head - 1 + text.len + sizeof tail - 1;
    char *body = luna_arena_alloc(d->items.arena, len);
    if (body == NULL) {
        d->items.out_of_memory = true;
        return false;
    }
    memcpy(body, head, sizeof head - 1);
    memcpy(body + sizeof head - 1, text.at, text.len);
    memcpy(body + sizeof head - 1 + text.len, tail, sizeof tail - 1);
    return named_decode(d, index, (struct json_span){body, len}, 1, shared);
}

/* Every element of the array `text`: its span, through `each`. The text is known to be JSON. */
static size_t array_each(struct json_span text, int depth_max,
                         bool (*each)(void *ctx, size_t index, struct json_span item), void *ctx)
{
    struct json_scan scan;
    size_t count = 0;
    bool more = false;
    json_scan_init(&scan, text.at, text.len, depth_max);
    if (!json_scan_token(&scan, '[', "expected a list") || json_scan_peek(&scan) == ']')
        return 0;
    do {
        struct json_span item;
        json_scan_space(&scan);
        if (!json_scan_value(&scan, &item) || !json_scan_more(&scan, ']', &more) ||
            (each != NULL && !each(ctx, count, item)))
            return count;
        count++;
    } while (more);
    return count;
}

struct ragged {
    struct decoder *d;
    const struct luna_request *shared;
};

static bool ragged_item(void *ctx, size_t index, struct json_span item)
{
    const struct ragged *ragged = ctx;
    struct decoder *d = ragged->d;
    assert(item.len > 0 && (item.at[0] != '[' || item.len >= 2)); /* whole values, brackets too */
    if (item.at[0] == '[')
        return item_decode(d, index, (struct json_span){item.at + 1, item.len - 2}, ragged->shared);
    if (item.at[0] == '{')
        return named_decode(d, index, item, 0, ragged->shared);
    struct luna_faults found;
    luna_faults_init(&found, d->items.arena);
    luna_fault_at_index(
        luna_fault_at(luna_faults_add(&found, "list_type", "Input should be a valid list",
                                      "a series is a list of numbers and nulls, or {\"id\": \"a\", "
                                      "\"results\": [...]}"),
                      "series"),
        index);
    return batch_item_settle(&d->items, LUNA_DECODE_FAULTS, &d->items.batch.items[index], &found);
}

static bool check_count(struct decoder *d, const char *name, size_t count)
{
    if (count == 0)
        fault_member(d, name, "too_short",
                     "List should have at least 1 item after validation, not 0",
                     "send at least one series");
    else if (count > LUNA_BATCH_SERIES_MAX)
        fault_member(
            d, name, "too_long",
            luna_arena_printf(d->items.arena,
                              "List should have at most %d items after validation, not %zu",
                              LUNA_BATCH_SERIES_MAX, count),
            "send fewer series in one request");
    return d->items.faults->count == 0;
}

static void decode_ragged(struct decoder *d, const struct luna_request *shared)
{
    struct ragged ragged = {d, shared};
    size_t count = array_each(d->series, d->items.limits->nesting_max, NULL, NULL);
    if (!check_count(d, "series", count) || !batch_items_alloc(&d->items, count))
        return;
    d->items.batch.count = count;
    (void)array_each(d->series, d->items.limits->nesting_max, ragged_item, &ragged);
}

struct flat {
    struct decoder *d;
    const struct luna_request *shared;
    size_t *sizes;
    size_t count;     /* of series */
    size_t series;    /* which one an element belongs to */
    size_t in_series; /* how many of its elements were seen */
    const char *first;
    size_t total; /* sum of the sizes */
};

static bool size_item(void *ctx, size_t index, struct json_span item)
{
    struct flat *flat = ctx;
    size_t digits = 0;
    assert(index < flat->count);
    while (digits < item.len && item.at[digits] >= '0' && item.at[digits] <= '9')
        digits++;
    if (digits != item.len || digits > 9) {
        struct luna_fault *fault =
            luna_faults_add(flat->d->items.faults, "int_type", "Input should be a valid integer",
                            "the number of values of the series");
        luna_fault_at_index(luna_fault_at(fault, "sizes"), index);
        return !flat->d->items.faults->more;
    }
    flat->sizes[index] = strtoul(item.at, NULL, 10);
    flat->total += flat->sizes[index];
    return true;
}

/* Series of length 0 have no element that would close them. */
static bool decode_empty(struct flat *flat)
{
    while (flat->series < flat->count && flat->sizes[flat->series] == 0) {
        if (!item_decode(flat->d, flat->series, (struct json_span){"", 0}, flat->shared))
            return false;
        flat->series++;
    }
    return true;
}

static bool flat_item(void *ctx, size_t index, struct json_span item)
{
    struct flat *flat = ctx;
    assert(index < flat->total && flat->series < flat->count);
    (void)index;
    if (flat->in_series == 0)
        flat->first = item.at;
    if (++flat->in_series < flat->sizes[flat->series])
        return true;
    struct json_span text = {flat->first, (size_t)(item.at + item.len - flat->first)};
    flat->in_series = 0;
    return item_decode(flat->d, flat->series++, text, flat->shared) && decode_empty(flat);
}

static void decode_flat(struct decoder *d, const struct luna_request *shared)
{
    struct flat flat = {.d = d, .shared = shared};
    int depth_max = d->items.limits->nesting_max;
    flat.count = array_each(d->sizes, depth_max, NULL, NULL);
    if (!check_count(d, "sizes", flat.count) || !batch_items_alloc(&d->items, flat.count))
        return;
    flat.sizes = luna_arena_calloc(d->items.arena, flat.count, sizeof *flat.sizes);
    d->items.out_of_memory = flat.sizes == NULL;
    if (d->items.out_of_memory)
        return;
    (void)array_each(d->sizes, depth_max, size_item, &flat);
    size_t n = array_each(d->y, depth_max, NULL, NULL);
    if (d->items.faults->count == 0 && flat.total != n)
        fault_member(d, "sizes", "value_error",
                     luna_arena_printf(d->items.arena,
                                       "Value error, the sizes add up to %zu, but y has %zu items",
                                       flat.total, n),
                     "sizes holds the length of each series, in order");
    if (d->items.faults->count > 0)
        return;
    d->items.batch.count = flat.count;
    if (decode_empty(&flat))
        (void)array_each(d->y, depth_max, flat_item, &flat);
}

static void check_members(struct decoder *d)
{
    static const char list_hint[] = "send a list, such as {\"series\":[[1,2],[3,4]]}";
    if (d->series.at == NULL && d->y.at == NULL && d->sizes.at == NULL)
        fault_member(d, "series", "missing", "Field required", "a list of series, or y and sizes");
    else if (d->series.at != NULL && (d->y.at != NULL || d->sizes.at != NULL))
        fault_member(d, "series", "extra_forbidden", "Extra inputs are not permitted",
                     "send either series, or y and sizes");
    else if (d->series.at == NULL && d->y.at == NULL)
        fault_member(d, "y", "missing", "Field required", "all series, one after the other");
    else if (d->series.at == NULL && d->sizes.at == NULL)
        fault_member(d, "sizes", "missing", "Field required", "the lengths of the series");
    const struct {
        const char *name;
        struct json_span span;
    } lists[] = {{"series", d->series}, {"y", d->y}, {"sizes", d->sizes}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i].span.at != NULL && *lists[i].span.at != '[')
            fault_member(d, lists[i].name, "list_type", "Input should be a valid list", list_hint);
    }
}

/* One member: the data are kept, the rest goes to the options. */
static bool member_take(struct decoder *d, struct json_span raw_name, struct json_span value)
{
    struct json_span *const kept[] = {&d->series, &d->y, &d->sizes};
    static const char *const names[] = {"series", "y", "sizes"};
    for (size_t i = 0; i < 3; i++) {
        if (!span_is(raw_name, names[i]))
            continue;
        if (kept[i]->at != NULL)
            return json_scan_fail(&d->scan, raw_name.at - 1, "this member appears twice; keep one");
        *kept[i] = value;
        return true;
    }
    char *at = d->options + d->options_len;
    if (d->options_len > 1)
        *at++ = ',';
    memcpy(at, raw_name.at - 1, raw_name.len + 2);
    at += raw_name.len + 2;
    *at++ = ':';
    memcpy(at, value.at, value.len);
    d->options_len = (size_t)(at + value.len - d->options);
    /* Each member has its comma and colon in the body too. */
    assert(d->options_len <= (size_t)(d->scan.end - d->scan.text) + 3);
    return true;
}

/* The members of the top object. The data need no copy; the options together cannot be longer
 * than the body. */
static bool members_read(struct decoder *d)
{
    struct json_scan *scan = &d->scan;
    bool more = json_scan_peek(scan) == '{';
    if (!more)
        return json_scan_fail(scan, scan->at, "expected an object: {\"series\": [...]}");
    scan->at++;
    if (!json_scan_enter(scan))
        return false;
    more = json_scan_peek(scan) != '}';
    if (!more)
        scan->at++;
    while (more) {
        struct json_span name, value;
        if (!json_scan_string(scan, &name) || !json_scan_token(scan, ':', "expected \":\" here"))
            return false;
        json_scan_space(scan);
        if (!json_scan_value(scan, &value) || !member_take(d, name, value) ||
            !json_scan_more(scan, '}', &more))
            return false;
    }
    json_scan_leave(scan);
    json_scan_space(scan);
    return scan->at == scan->end ||
           json_scan_fail(scan, scan->at, "more text after the end of the JSON value");
}

static bool options_read(struct decoder *d, struct luna_request *ret_shared)
{
    d->options[d->options_len++] = '}';
    luna_request_init(ret_shared);
    enum luna_decode_status status =
        luna_decode_options(d->options, d->options_len, d->items.limits->nesting_max,
                            d->items.arena, ret_shared, d->items.faults);
    d->items.out_of_memory = status == LUNA_DECODE_MEMORY;
    return status == LUNA_DECODE_OK;
}

enum luna_decode_status luna_decode_batch_json(const char *body, size_t len,
                                               const struct luna_request_limits *limits,
                                               struct luna_arena *arena,
                                               struct luna_batch *ret_batch,
                                               struct luna_faults *faults)
{
    struct decoder d = {.items = {.limits = limits, .arena = arena, .faults = faults}};
    struct luna_request shared;
    json_scan_init(&d.scan, body, len, limits->nesting_max);
    d.scan.values_max = limits->points_max + VALUES_BESIDE_POINTS;
    d.options = luna_arena_alloc(arena, len + 4);
    if (d.options == NULL)
        return LUNA_DECODE_MEMORY;
    d.options[d.options_len++] = '{';
    char first = json_scan_peek(&d.scan);
    if (first == '[' || first == '"' || first == '-' || (first >= '0' && first <= '9')) {
        (void)luna_faults_add(faults, "model_attributes_type",
                              "Input should be a valid dictionary or object to extract fields from",
                              "send {\"series\": [[1, 2], [3, 4]]}");
        return LUNA_DECODE_FAULTS;
    }
    if (!members_read(&d)) {
        if (d.scan.values == d.scan.values_max) {
            (void)batch_fault_long(&d.items);
            return LUNA_DECODE_LONG;
        }
        luna_fault_at_index(
            luna_faults_add(faults, "json_invalid", "JSON decode error", d.scan.problem),
            (size_t)(d.scan.problem_at - body));
        return LUNA_DECODE_FAULTS;
    }
    check_members(&d);
    if (options_read(&d, &shared) && d.items.faults->count == 0)
        d.series.at != NULL ? decode_ragged(&d, &shared) : decode_flat(&d, &shared);
    *ret_batch = d.items.batch;
    return batch_outcome(&d.items);
}
