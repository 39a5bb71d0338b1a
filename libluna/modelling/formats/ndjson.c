#include "luna/modelling/ndjson.h"

#include "formats/json_scan.h"
#include "luna/modelling/number.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct line {
    const char *at;
    size_t len;
    size_t index;
};

/* Moves *cursor over the next line and returns it; false at the end. */
static bool line_next(const char **cursor, const char *end, struct line *line)
{
    if (*cursor >= end)
        return false;
    const char *feed = memchr(*cursor, '\n', (size_t)(end - *cursor));
    const char *stop = feed != NULL ? feed : end;
    assert(stop >= *cursor && stop <= end);
    line->at = *cursor;
    line->len = (size_t)(stop - *cursor);
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    *cursor = feed != NULL ? feed + 1 : end;
    return true;
}

static size_t lines_count(const char *body, size_t len)
{
    size_t count = 1;
    const char *end = body + len;
    for (const char *at = body; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        count++;
    return count;
}

static bool line_is_empty(const struct line *line)
{
    for (size_t i = 0; i < line->len; i++) {
        if (line->at[i] != ' ' && line->at[i] != '\t')
            return false;
    }
    return true;
}

/* Programs count lines from 0 and editors from 1: loc has the one, the hint the other. */
static void fault_at(struct luna_faults *faults, size_t index, const char *type, const char *msg,
                     const char *problem)
{
    const char *hint = luna_arena_printf(faults->arena, "line %zu: %s", index + 1, problem);
    luna_fault_at_index(luna_faults_add(faults, type, msg, hint), index);
}

static bool is_number_start(char c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

/* The number or null that `value` is. */
static bool value_read(struct json_span value, size_t index, struct luna_faults *faults,
                       double *ret_value)
{
    if (value.len == 4 && memcmp(value.at, "null", 4) == 0) {
        *ret_value = (double)NAN;
        return true;
    }
    assert(value.len > 0);
    if (!is_number_start(value.at[0])) {
        fault_at(faults, index, "float_type", "Input should be a valid number",
                 "a line is a number, null for a missing observation, or {\"value\": number}");
        return false;
    }
    size_t used;
    if (luna_number_parse(value.at, value.len, ret_value, &used) != LUNA_NUMBER_OK) {
        fault_at(faults, index, "finite_number", "Input should be a finite number",
                 "its magnitude is larger than a double can hold");
        return false;
    }
    return true;
}

/* The value of the one member "value" of the object at the scanner. */
static bool member_read(struct json_scan *scan, struct json_span *ret_value)
{
    struct json_span name;
    bool more = false;
    return json_scan_token(scan, '{', "expected an object") && json_scan_enter(scan) &&
           json_scan_string(scan, &name) &&
           ((name.len == 5 && memcmp(name.at, "value", 5) == 0) ||
            json_scan_fail(scan, name.at, "the only member allowed is \"value\"")) &&
           json_scan_token(scan, ':', "expected \":\" here") && json_scan_value(scan, ret_value) &&
           json_scan_more(scan, '}', &more) &&
           (!more || json_scan_fail(scan, scan->at, "the only member allowed is \"value\""));
}

static bool line_read(const struct line *line, int nesting_max, struct luna_faults *faults,
                      double *ret_value)
{
    struct json_scan scan;
    struct json_span value = {0};
    json_scan_init(&scan, line->at, line->len, nesting_max);
    bool read =
        json_scan_peek(&scan) == '{' ? member_read(&scan, &value) : json_scan_value(&scan, &value);
    if (read && json_scan_peek(&scan) == '\0' && scan.at == scan.end)
        return value_read(value, line->index, faults, ret_value);
    const char *why = scan.problem != NULL ? scan.problem : "more than one value in a line";
    fault_at(faults, line->index, "json_invalid", "JSON decode error", why);
    return false;
}

static bool check_count(size_t n, size_t points_max, struct luna_faults *faults)
{
    if (n == 0)
        luna_faults_add(faults, "too_short", "The series should have at least 1 item, not 0",
                        "send at least one line");
    else if (n > points_max)
        luna_faults_add(faults, "too_long",
                        luna_arena_printf(faults->arena, "The series should have at most %zu items",
                                          points_max),
                        "send fewer points in one request");
    return faults->count == 0;
}

enum luna_decode_status luna_decode_ndjson(const char *body, size_t len,
                                           const struct luna_request_limits *limits,
                                           struct luna_arena *arena,
                                           struct luna_request *ret_request,
                                           struct luna_faults *faults)
{
    size_t room = lines_count(body, len);
    room = room > limits->points_max ? limits->points_max + 1 : room;
    double *values = luna_arena_alloc(arena, room * sizeof *values);
    if (values == NULL)
        return LUNA_DECODE_MEMORY;
    size_t n = 0;
    const char *cursor = body;
    struct line line = {0};
    for (size_t index = 0; n < room && !faults->more && line_next(&cursor, body + len, &line);
         index++) {
        line.index = index;
        double value;
        if (!line_is_empty(&line) && line_read(&line, limits->nesting_max, faults, &value))
            values[n++] = value;
    }
    if (faults->count > 0 || !check_count(n, limits->points_max, faults))
        return n > limits->points_max ? LUNA_DECODE_LONG : LUNA_DECODE_FAULTS;
    luna_request_init(ret_request);
    ret_request->values = values;
    ret_request->values_own = values;
    ret_request->n = n;
    return LUNA_DECODE_OK;
}

static void put_number(double value, int precision, struct luna_buf *out)
{
    if (!isfinite(value)) {
        luna_buf_puts(out, "null");
        return;
    }
    char *at = luna_buf_reserve(out, LUNA_NUMBER_TEXT_BYTES);
    if (at != NULL)
        luna_buf_advance(out, luna_number_print(value, precision, at));
}

static void put_member(const char *name, double value, int precision, struct luna_buf *out)
{
    luna_buf_puts(out, name);
    put_number(value, precision, out);
}

static void put_intervals(const struct luna_request *request, const double *const *lower,
                          const double *const *upper, size_t at, int precision,
                          struct luna_buf *out)
{
    if (request->interval_count == 0)
        return;
    luna_buf_puts(out, ",\"intervals\":[");
    for (size_t i = 0; i < request->interval_count; i++) {
        put_member(i > 0 ? ",{\"level\":" : "{\"level\":", request->intervals[i], 0, out);
        put_member(",\"lower\":", lower[i][at], precision, out);
        put_member(",\"upper\":", upper[i][at], precision, out);
        luna_buf_putc(out, '}');
    }
    luna_buf_putc(out, ']');
}

static void put_point(const struct luna_request *request, const struct luna_result *result,
                      size_t at, int precision, struct luna_buf *out)
{
    assert(at < result->n && result->n == request->n);
    put_member("{\"value\":", request->values[at], precision, out);
    put_member(",\"processed\":", result->processed[at], precision, out);
    if (result->variance != NULL)
        put_member(",\"variance\":", result->variance[at], precision, out);
    put_intervals(request, result->lower, result->upper, at, precision, out);
    if (result->innovations != NULL) {
        put_member(",\"innovation\":", result->innovations[at], precision, out);
        put_member(",\"innovation_variance\":", result->innovation_variance[at], precision, out);
    }
    luna_buf_puts(out, "}\n");
}

static void put_forecast(const struct luna_request *request, const struct luna_forecast *forecast,
                         size_t at, int precision, struct luna_buf *out)
{
    assert(at < forecast->horizon);
    put_member("{\"forecast\":", forecast->mean[at], precision, out);
    put_member(",\"variance\":", forecast->variance[at], precision, out);
    put_intervals(request, forecast->lower, forecast->upper, at, precision, out);
    luna_buf_puts(out, "}\n");
}

void luna_encode_ndjson(const struct luna_request *request, const struct luna_result *result,
                        int precision, struct luna_buf *out)
{
    for (size_t i = 0; i < result->n && !out->overflow; i++)
        put_point(request, result, i, precision, out);
    for (size_t i = 0; i < result->forecast.horizon && !out->overflow; i++)
        put_forecast(request, &result->forecast, i, precision, out);
}
