#include "luna/modelling/ndjson_table.h"

#include "formats/json_scan.h"

#include <assert.h>
#include <string.h>

enum { MEMBERS_MAX = 64, DEPTH = 4 };

struct record {
    struct json_span names[MEMBERS_MAX], values[MEMBERS_MAX]; /* strings with their quotes */
    size_t count;
};

struct conversion {
    struct luna_arena *arena;
    struct luna_faults *faults;
    int nesting_max;
    struct json_span columns[MEMBERS_MAX];
    size_t column_count;
    char *out; /* NULL until the first record */
    size_t len, body_len;
};

static bool span_same(struct json_span a, struct json_span b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* The members of the object at the scanner, to the end of its line. */
static bool record_scan(struct json_scan *scan, struct record *record)
{
    bool more = false;
    record->count = 0;
    if (!json_scan_token(scan, '{', "expected an object, as on the first line") ||
        !json_scan_enter(scan))
        return false;
    more = json_scan_peek(scan) != '}';
    if (!more)
        return json_scan_fail(scan, scan->at, "expected a member");
    while (more) {
        if (record->count == MEMBERS_MAX)
            return json_scan_fail(scan, scan->at, "too many members");
        if (!json_scan_string(scan, &record->names[record->count]) ||
            !json_scan_token(scan, ':', "expected \":\" here"))
            return false;
        json_scan_space(scan);
        if (!json_scan_value(scan, &record->values[record->count++]) ||
            !json_scan_more(scan, '}', &more))
            return false;
    }
    json_scan_space(scan);
    return scan->at == scan->end || json_scan_fail(scan, scan->at, "more than one value in a line");
}

bool luna_ndjson_is_table(const char *body, size_t len)
{
    struct record record;
    struct json_scan scan;
    static const struct json_span value = {"value", 5};
    while (len > 0 && (*body == '\n' || *body == '\r' || *body == ' ' || *body == '\t')) {
        body++;
        len--;
    }
    if (len == 0 || *body != '{')
        return false;
    const char *end = memchr(body, '\n', len);
    json_scan_init(&scan, body, end != NULL ? (size_t)(end - body) : len, DEPTH);
    return record_scan(&scan, &record) && (record.count > 1 || !span_same(record.names[0], value));
}

static void put(struct conversion *c, const char *text, size_t len)
{
    memcpy(c->out + c->len, text, len);
    c->len += len;
}

/* A string as a quoted field: no longer than the text in JSON, except for quotes in it, whose
 * escape has two bytes there too. */
static void put_string(struct conversion *c, struct json_span raw)
{
    char *at = c->out + c->len;
    *at = '"';
    size_t len = json_unescape(raw, at + 1), quotes = 0;
    for (size_t i = 0; i < len; i++)
        quotes += at[1 + i] == '"';
    c->len += len + quotes + 2;
    char *to = at + 1 + len + quotes;
    *to = '"';
    for (size_t i = len; i > 0; i--) {
        *--to = at[i];
        if (at[i] == '"')
            *--to = '"';
    }
}

static void put_value(struct conversion *c, struct json_span value)
{
    if (value.at == NULL)
        return; /* a member that the record lacks: an empty field */
    if (value.at[0] == 'n')
        put(c, "\"\"", 2); /* null: a line with nothing else must not look like a blank line */
    else if (value.at[0] == '"')
        put_string(c, (struct json_span){value.at + 1, value.len - 2});
    else
        put(c, value.at, value.len);
}

static bool fault_line(struct conversion *c, size_t line, const char *type, const char *msg,
                       const char *problem)
{
    const char *hint = luna_arena_printf(c->arena, "line %zu: %s", line + 1, problem);
    luna_fault_at_index(luna_faults_add(c->faults, type, msg, hint), line);
    return false;
}

static bool fault_member(struct conversion *c, struct json_span name, size_t line, const char *msg,
                         const char *fix)
{
    const char *quoted = luna_faults_quote(c->faults, name.at, name.len);
    const char *problem = luna_arena_printf(c->arena, "\"%s\": %s", quoted, fix);
    return fault_line(c, line, "value_error", msg, problem != NULL ? problem : fix);
}

/* The values in the order of the columns, which may stand in another order in the line. */
static bool record_order(struct conversion *c, const struct record *record, size_t line,
                         struct json_span *values)
{
    for (size_t i = 0; i < c->column_count; i++)
        values[i] = (struct json_span){NULL, 0};
    for (size_t i = 0; i < record->count; i++) {
        size_t column = i < c->column_count && span_same(c->columns[i], record->names[i]) ? i : 0;
        while (column < c->column_count && !span_same(c->columns[column], record->names[i]))
            column++;
        char first = record->values[i].at[0];
        if (column == c->column_count || values[column].at != NULL)
            return fault_member(c, record->names[i], line,
                                "Value error, a member that the first line lacks, or one twice",
                                "write the same members on every line");
        if (first == '{' || first == '[')
            return fault_member(c, record->names[i], line,
                                "Value error, a list or an object in a record",
                                "write numbers and strings only");
        values[column] = record->values[i];
    }
    return true;
}

static void record_put(struct conversion *c, const struct json_span *values)
{
    for (size_t i = 0; i < c->column_count; i++) {
        if (i > 0)
            put(c, ",", 1);
        put_value(c, values[i]);
    }
    put(c, "\n", 1);
}

/* Room for all records: a line of CSV is no longer than its record, but for the commas of members
 * that it lacks. */
static bool room_alloc(struct conversion *c, const struct record *first, size_t lines)
{
    size_t names = 0;
    for (size_t i = 0; i < first->count; i++)
        names += first->names[i].len + 3;
    c->out = luna_arena_alloc(c->arena, c->body_len + names + lines * (first->count + 2));
    return c->out != NULL;
}

static void names_put(struct conversion *c, const struct record *record)
{
    c->column_count = record->count;
    for (size_t i = 0; i < record->count; i++) {
        c->columns[i] = record->names[i];
        if (i > 0)
            put(c, ",", 1);
        put_string(c, record->names[i]);
    }
    put(c, "\n", 1);
}

static size_t lines_count(const char *at, const char *end)
{
    size_t lines = 1;
    for (; at < end; at++)
        lines += *at == '\n';
    return lines;
}

/* False: out of memory. */
static bool line_convert(struct conversion *c, const char *at, const char *stop, const char *end,
                         size_t line)
{
    struct json_scan scan;
    struct record record;
    struct json_span values[MEMBERS_MAX];
    json_scan_init(&scan, at, (size_t)(stop - at), c->nesting_max);
    if (json_scan_peek(&scan) == '\0' && scan.at == scan.end) {
        if (c->out != NULL)
            put(c, "\n", 1); /* so that lines keep their numbers */
        return true;
    }
    if (!record_scan(&scan, &record)) {
        (void)fault_line(c, line, "json_invalid", "JSON decode error", scan.problem);
        return true;
    }
    if (c->out == NULL && !room_alloc(c, &record, lines_count(at, end)))
        return false;
    if (c->column_count == 0)
        names_put(c, &record);
    if (record_order(c, &record, line, values))
        record_put(c, values);
    return true;
}

enum luna_decode_status luna_ndjson_to_csv(const char *body, size_t len, int nesting_max,
                                           struct luna_arena *arena, const char **ret_csv,
                                           size_t *ret_len, struct luna_faults *faults)
{
    struct conversion c = {
        .arena = arena, .faults = faults, .nesting_max = nesting_max, .body_len = len};
    size_t line = 0;
    for (const char *at = body, *end = body + len; at < end && !faults->more; line++) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed != NULL ? feed : end;
        if (!line_convert(&c, at, stop, end, line))
            return LUNA_DECODE_MEMORY;
        at = stop + 1;
    }
    *ret_csv = c.out;
    *ret_len = c.len;
    return faults->count > 0 ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}
