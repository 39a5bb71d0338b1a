#include "luna/modelling/batch.h"

#include "formats/json_scan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A body may have so many values that are not points: the series, their sizes, options. */
enum { VALUES_BESIDE_POINTS = 2 * LUNA_BATCH_SERIES_MAX + 4096 };

struct decoder {
    struct json_scan scan;
    const struct luna_request_limits *limits;
    struct luna_arena *arena;
    struct luna_faults *faults;
    struct luna_batch batch;
    struct json_span series, y, sizes; /* the members, at == NULL when absent */
    char *options;                     /* the other members, as an object of their own */
    size_t options_len;
    struct luna_faults *silent; /* of the items after those whose faults are listed */
    size_t listed;              /* faults of items */
    bool out_of_memory, too_long;
};

static bool span_is(struct json_span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

static enum luna_decode_status outcome(const struct decoder *d)
{
    if (d->out_of_memory)
        return LUNA_DECODE_MEMORY;
    if (d->too_long)
        return LUNA_DECODE_LONG;
    return d->faults->count > 0 ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}

static void fault_member(struct decoder *d, const char *name, const char *type, const char *msg,
                         const char *hint)
{
    luna_fault_at(luna_faults_add(d->faults, type, msg, hint), name);
}

/* Puts `steps` in place of the first `dropped` places of each loc after "body". */
static void faults_move(struct luna_faults *faults, int dropped, const struct luna_fault_loc *steps,
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
static struct luna_faults *faults_keep(struct decoder *d, struct luna_faults *found)
{
    assert(d->listed <= LUNA_FAULTS_MAX && found->count <= LUNA_FAULTS_MAX);
    size_t room = LUNA_FAULTS_MAX - d->listed;
    if (room == 0 && d->silent != NULL)
        return d->silent;
    struct luna_faults *kept = luna_arena_alloc(d->arena, sizeof *kept);
    if (kept == NULL)
        return NULL;
    if (found->count > room) {
        found->count = room;
        found->more = true;
    }
    *kept = *found;
    d->listed += kept->count;
    if (room == 0)
        d->silent = kept;
    return kept;
}

static bool fault_long(struct decoder *d)
{
    (void)luna_faults_add(d->faults, "too_long",
                          luna_arena_printf(d->arena,
                                            "The series should have at most %zu items together",
                                            d->limits->points_max),
                          "send fewer series in one request");
    d->too_long = true;
    return false;
}

static bool items_alloc(struct decoder *d, size_t count)
{
    d->batch.items = luna_arena_calloc(d->arena, count, sizeof *d->batch.items);
    d->out_of_memory = d->batch.items == NULL;
    return !d->out_of_memory;
}

/* What an item's own decoder found, into the batch. The points of all series together have a
 * limit too. */
static bool item_settle(struct decoder *d, enum luna_decode_status status,
                        struct luna_batch_item *item, struct luna_faults *found)
{
    if (status == LUNA_DECODE_MEMORY) {
        d->out_of_memory = true;
        return false;
    }
    if (status == LUNA_DECODE_FAULTS) {
        item->faults = faults_keep(d, found);
        d->out_of_memory = item->faults == NULL;
        return !d->out_of_memory;
    }
    if (status == LUNA_DECODE_LONG)
        return fault_long(d);
    d->batch.sound++;
    d->batch.points += item->request.n;
    return d->batch.points <= d->limits->points_max || fault_long(d);
}

/* Series number `index`, whose elements stand in `text`, brackets not included. */
static bool item_decode(struct decoder *d, size_t index, struct json_span text,
                        const struct luna_request *shared)
{
    static const char head[] = "{\"results\":[", tail[] = "]}";
    assert(index < d->batch.count);
    struct luna_batch_item *item = &d->batch.items[index];
    size_t len = sizeof head - 1 + text.len + sizeof tail - 1;
    char *body = luna_arena_alloc(d->arena, len);
    if (body == NULL) {
        d->out_of_memory = true;
        return false;
    }
    memcpy(body, head, sizeof head - 1);
    memcpy(body + sizeof head - 1, text.at, text.len);
    memcpy(body + sizeof head - 1 + text.len, tail, sizeof tail - 1);
    struct luna_faults found;
    struct luna_request plain;
    luna_faults_init(&found, d->arena);
    enum luna_decode_status status =
        luna_decode_json(body, len, d->limits, d->arena, &plain, &found);
    const struct luna_fault_loc steps[] = {{.name = "series"}, {.index = (long)index}};
    faults_move(&found, 1, steps, 2);
    item->request = *shared;
    if (status == LUNA_DECODE_OK) {
        item->request.values = plain.values;
        item->request.values_own = plain.values_own;
        item->request.n = plain.n;
        item->request.input = plain.input;
        item->request.input_len = plain.input_len;
    }
    return item_settle(d, status, item, &found);
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
    struct luna_faults found;
    luna_faults_init(&found, d->arena);
    luna_fault_at_index(
        luna_fault_at(
            luna_faults_add(&found, "list_type", "Input should be a valid list",
                            "a series is a list of numbers and nulls; series with ids are "
                            "lines of NDJSON: {\"id\": \"a\", \"results\": [...]}"),
            "series"),
        index);
    return item_settle(d, LUNA_DECODE_FAULTS, &d->batch.items[index], &found);
}

static bool check_count(struct decoder *d, const char *name, size_t count)
{
    if (count == 0)
        fault_member(d, name, "too_short",
                     "List should have at least 1 item after validation, not 0",
                     "send at least one series");
    else if (count > LUNA_BATCH_SERIES_MAX)
        fault_member(d, name, "too_long",
                     luna_arena_printf(
                         d->arena, "List should have at most %d items after validation, not %zu",
                         LUNA_BATCH_SERIES_MAX, count),
                     "send fewer series in one request");
    return d->faults->count == 0;
}

static void decode_ragged(struct decoder *d, const struct luna_request *shared)
{
    struct ragged ragged = {d, shared};
    size_t count = array_each(d->series, d->limits->nesting_max, NULL, NULL);
    if (!check_count(d, "series", count) || !items_alloc(d, count))
        return;
    d->batch.count = count;
    (void)array_each(d->series, d->limits->nesting_max, ragged_item, &ragged);
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
            luna_faults_add(flat->d->faults, "int_type", "Input should be a valid integer",
                            "the number of values of the series");
        luna_fault_at_index(luna_fault_at(fault, "sizes"), index);
        return !flat->d->faults->more;
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
    int depth_max = d->limits->nesting_max;
    flat.count = array_each(d->sizes, depth_max, NULL, NULL);
    if (!check_count(d, "sizes", flat.count) || !items_alloc(d, flat.count))
        return;
    flat.sizes = luna_arena_calloc(d->arena, flat.count, sizeof *flat.sizes);
    d->out_of_memory = flat.sizes == NULL;
    if (d->out_of_memory)
        return;
    (void)array_each(d->sizes, depth_max, size_item, &flat);
    size_t n = array_each(d->y, depth_max, NULL, NULL);
    if (d->faults->count == 0 && flat.total != n)
        fault_member(d, "sizes", "value_error",
                     luna_arena_printf(d->arena,
                                       "Value error, the sizes add up to %zu, but y has %zu items",
                                       flat.total, n),
                     "sizes holds the length of each series, in order");
    if (d->faults->count > 0)
        return;
    d->batch.count = flat.count;
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
    enum luna_decode_status status = luna_decode_options(
        d->options, d->options_len, d->limits->nesting_max, d->arena, ret_shared, d->faults);
    d->out_of_memory = status == LUNA_DECODE_MEMORY;
    return status == LUNA_DECODE_OK;
}

enum luna_decode_status luna_decode_batch_json(const char *body, size_t len,
                                               const struct luna_request_limits *limits,
                                               struct luna_arena *arena,
                                               struct luna_batch *ret_batch,
                                               struct luna_faults *faults)
{
    struct decoder d = {.limits = limits, .arena = arena, .faults = faults};
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
            (void)fault_long(&d);
            return LUNA_DECODE_LONG;
        }
        luna_fault_at_index(
            luna_faults_add(faults, "json_invalid", "JSON decode error", d.scan.problem),
            (size_t)(d.scan.problem_at - body));
        return LUNA_DECODE_FAULTS;
    }
    check_members(&d);
    if (options_read(&d, &shared) && d.faults->count == 0)
        d.series.at != NULL ? decode_ragged(&d, &shared) : decode_flat(&d, &shared);
    *ret_batch = d.batch;
    return outcome(&d);
}

static bool line_is_empty(const char *at, size_t len)
{
    size_t blank = 0;
    while (blank < len && (at[blank] == ' ' || at[blank] == '\t' || at[blank] == '\r'))
        blank++;
    return blank == len;
}

static bool line_decode(struct decoder *d, const char *at, size_t len, size_t line)
{
    assert(d->batch.count <= LUNA_BATCH_SERIES_MAX);
    struct luna_batch_item *item = &d->batch.items[d->batch.count];
    struct luna_faults found;
    luna_faults_init(&found, d->arena);
    enum luna_decode_status status =
        luna_decode_json_series(at, len, d->limits, d->arena, &item->request, &found);
    const struct luna_fault_loc step = {.index = (long)line};
    faults_move(&found, 0, &step, 1);
    d->batch.count++;
    return item_settle(d, status, item, &found);
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
    struct decoder d = {.limits = limits, .arena = arena, .faults = faults};
    size_t room = lines_count(body, len);
    room = room > LUNA_BATCH_SERIES_MAX ? LUNA_BATCH_SERIES_MAX + 1 : room;
    if (!items_alloc(&d, room))
        return LUNA_DECODE_MEMORY;
    bool going = true;
    size_t line = 0;
    for (const char *at = body, *end = body + len; going && at < end && d.batch.count < room;
         line++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = (size_t)((feed != NULL ? feed : end) - at);
        if (!line_is_empty(at, line_len))
            going = line_decode(&d, at, line_len, line);
        at += line_len + 1;
    }
    if (going && d.batch.count == 0)
        (void)luna_faults_add(faults, "too_short", "The body should have at least 1 line, not 0",
                              "send one request per line: {\"results\":[1,2,3]}");
    else if (going && d.batch.count > LUNA_BATCH_SERIES_MAX)
        (void)luna_faults_add(faults, "too_long",
                              luna_arena_printf(arena, "The body should have at most %d lines",
                                                LUNA_BATCH_SERIES_MAX),
                              "send fewer series in one request");
    *ret_batch = d.batch;
    return outcome(&d);
}
