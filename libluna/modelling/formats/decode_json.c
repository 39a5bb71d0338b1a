#include "luna/modelling/decode.h"

#include "formats/json_scan.h"
#include "formats/json_shape.h"
#include "formats/options.h"
#include "luna/modelling/number.h"
#include "luna/modelling/run.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A body with more members than this at the top level is refused. */
enum { MEMBERS_MAX = 64 };

struct decoder {
    struct json_scan scan;
    const struct luna_request_limits *limits; /* NULL: options only, `results` is not allowed */
    struct luna_arena *arena;
    struct luna_request *request;
    struct luna_faults *faults;
    struct json_span names[MEMBERS_MAX]; /* unescaped, to find duplicates */
    size_t name_count;
    struct json_span values[MEMBERS_MAX];
    bool has_results;
    bool with_id;    /* a member `id` is allowed */
    bool is_named;   /* and no member but it and `results` */
    bool is_foreign; /* the series of another program, as a fault says */
    bool too_long;   /* stopped: more points than may be */
    bool out_of_memory;
};

static bool name_is(struct json_span name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.at, text, name.len) == 0;
}

/* Every element needs a comma, so their count bounds the length of any array that starts here. In
 * blocks whose count fits a byte: the compiler then compares many bytes at once. */
static size_t count_commas(const char *at, const char *end)
{
    enum { BLOCK = 128 };
    assert(at <= end);
    static_assert(BLOCK <= UINT8_MAX, "a block's count fits a byte");
    size_t count = 0;
    for (; end - at >= BLOCK; at += BLOCK) {
        uint8_t in_block = 0;
        for (int i = 0; i < BLOCK; i++)
            in_block = (uint8_t)(in_block + (at[i] == ','));
        count += in_block;
    }
    for (; at < end; at++)
        count += *at == ',';
    return count;
}

static void fault_element(struct decoder *d, size_t index, const char *type, const char *msg,
                          const char *hint)
{
    luna_fault_at_index(luna_fault_at(luna_faults_add(d->faults, type, msg, hint), "results"),
                        index);
}

/* May reading go on after an element with a fault? */
static bool goes_on(const struct decoder *d)
{
    return !d->faults->more;
}

/* An element that is not a number: null is a missing observation, all else a fault. False: stop. */
static bool take_other(struct decoder *d, size_t index, double *ret_value)
{
    struct json_span value;
    if (!json_scan_value(&d->scan, &value))
        return false;
    *ret_value = NAN;
    if (value.at[0] == '"')
        fault_element(d, index, "float_type", "Input should be a valid number",
                      "write the number without quotes, or null for a missing observation");
    else if (value.at[0] != 'n')
        fault_element(d, index, "float_type", "Input should be a valid number",
                      "results is a flat list of numbers; null stands for a missing observation");
    return goes_on(d);
}

static bool take_element(struct decoder *d, size_t index, double *ret_value)
{
    struct json_scan *scan = &d->scan;
    char c = json_scan_peek(scan);
    if (c != '-' && (c < '0' || c > '9'))
        return take_other(d, index, ret_value);
    size_t used = 0;
    enum luna_number_status status =
        luna_number_parse(scan->at, (size_t)(scan->end - scan->at), ret_value, &used);
    if (status == LUNA_NUMBER_SYNTAX) {
        struct json_span value;
        return json_scan_value(scan, &value); /* fails, and says why */
    }
    scan->at += used;
    if (status == LUNA_NUMBER_RANGE)
        fault_element(d, index, "finite_number", "Input should be a finite number",
                      "the largest magnitude of a double is about 1.8e308; rescale the series");
    return goes_on(d);
}

static void fault_empty(struct decoder *d)
{
    luna_fault_at(luna_faults_add(d->faults, "too_short",
                                  "List should have at least 1 item after validation, not 0",
                                  "send at least one observation"),
                  "results");
}

/* How many more there are is not counted. */
static bool fault_long(struct decoder *d)
{
    const char *msg =
        luna_arena_printf(d->arena, "List should have at most %zu items after validation, not more",
                          d->limits->points_max);
    luna_fault_at(
        luna_faults_add(d->faults, "too_long", msg, "split the series into several requests"),
        "results");
    d->too_long = true;
    return false;
}

/* The usual case, many elements at once. */
static size_t take_plain_elements(struct decoder *d, double *values, size_t max)
{
    struct json_scan *scan = &d->scan;
    size_t used = 0,
           n = luna_number_parse_list(scan->at, (size_t)(scan->end - scan->at), values, max, &used);
    assert(n <= max && used <= (size_t)(scan->end - scan->at));
    scan->at += used;
    return n;
}

/* The array whose '[' was just taken. `capacity` is its length at most, or the limit. */
static bool take_elements(struct decoder *d, double *values, size_t capacity, size_t *ret_n)
{
    size_t n = 0;
    bool more = true;
    while (more) {
        if (n < capacity)
            n += take_plain_elements(d, values + n, capacity - n);
        if (n == capacity)
            return fault_long(d);
        assert(n < capacity);
        if (!take_element(d, n, &values[n]))
            return false;
        n++;
        if (!json_scan_more(&d->scan, ']', &more))
            return false;
    }
    *ret_n = n;
    return true;
}

static bool take_results(struct decoder *d)
{
    struct json_scan *scan = &d->scan;
    struct json_span value;
    assert(d->limits != NULL && !d->has_results); /* a second one is refused by its name */
    d->has_results = true;
    if (json_scan_peek(scan) != '[') {
        if (!json_scan_value(scan, &value))
            return false;
        luna_fault_at(
            luna_faults_add(d->faults, "list_type", "Input should be a valid list",
                            "results is a list of numbers, such as [1120, 1160, null, 963]"),
            "results");
        return true;
    }
    const char *first = scan->at++;
    if (!json_scan_enter(scan))
        return false;
    size_t capacity = count_commas(scan->at, scan->end) + 1;
    if (capacity > d->limits->points_max)
        capacity = d->limits->points_max;
    double *values = luna_arena_alloc(d->arena, capacity * sizeof *values);
    if (values == NULL) {
        d->out_of_memory = true;
        return json_scan_fail(scan, first, "out of memory");
    }
    size_t n = 0;
    if (json_scan_peek(scan) == ']')
        scan->at++;
    else if (!take_elements(d, values, capacity, &n))
        return false;
    json_scan_leave(scan);
    if (n == 0)
        fault_empty(d);
    d->request->values = values;
    d->request->values_own = values;
    d->request->n = n;
    d->request->input = first;
    d->request->input_len = (size_t)(scan->at - first);
    return true;
}

/* The member's name without its escapes, so that "r\u0065sults" is what it says. */
static bool take_name(struct decoder *d, struct json_span *ret_name)
{
    struct json_span raw;
    if (!json_scan_string(&d->scan, &raw))
        return false;
    *ret_name = raw;
    if (raw.len > 0 && memchr(raw.at, '\\', raw.len) != NULL) {
        char *plain = luna_arena_alloc(d->arena, raw.len);
        if (plain == NULL) {
            d->out_of_memory = true;
            return json_scan_fail(&d->scan, raw.at, "out of memory");
        }
        *ret_name = (struct json_span){plain, json_unescape(raw, plain)};
    }
    for (size_t i = 0; i < d->name_count; i++) {
        struct json_span seen = d->names[i];
        if (seen.len == ret_name->len && memcmp(seen.at, ret_name->at, seen.len) == 0)
            return json_scan_fail(&d->scan, raw.at - 1, "this member appears twice; keep one");
    }
    if (d->name_count == MEMBERS_MAX)
        return json_scan_fail(&d->scan, raw.at - 1, "too many members");
    return true;
}

static bool take_member(struct decoder *d)
{
    struct json_span name, value = {NULL, 0};
    if (!take_name(d, &name) || !json_scan_token(&d->scan, ':', "expected \":\" here"))
        return false;
    if (d->limits != NULL && name_is(name, "results")) {
        if (!take_results(d))
            return false;
    } else if (!json_scan_value(&d->scan, &value)) {
        return false;
    }
    assert(d->name_count < MEMBERS_MAX);
    d->names[d->name_count] = name;
    d->values[d->name_count++] = value;
    return true;
}

static bool take_object(struct decoder *d)
{
    d->scan.at++;
    if (!json_scan_enter(&d->scan))
        return false;
    bool more = json_scan_peek(&d->scan) != '}';
    if (!more)
        d->scan.at++;
    while (more) {
        if (!take_member(d) || !json_scan_more(&d->scan, '}', &more))
            return false;
    }
    json_scan_leave(&d->scan);
    return true;
}

static void fault_not_object(struct decoder *d, struct json_span value)
{
    const char *hint =
        value.at[0] == '[' ? json_shape_of_list(value) : "send {\"results\": [1120, 1160, ...]}";
    (void)luna_faults_add(d->faults, "model_attributes_type",
                          "Input should be a valid dictionary or object to extract fields from",
                          hint);
}

static void fault_missing(struct decoder *d, const char *hint)
{
    luna_fault_at(luna_faults_add(d->faults, "missing", "Field required", hint), "results");
}

/* A series in the shape of another program has one fault: its members mean nothing here. */
static bool fault_shape(struct decoder *d)
{
    const char *hint = json_shape_of_object(d->names, d->values, d->name_count);
    if (hint == NULL)
        return false;
    luna_faults_clear(d->faults);
    fault_missing(d, hint);
    d->is_foreign = true;
    return true;
}

static bool take_document(struct decoder *d)
{
    char first = json_scan_peek(&d->scan);
    struct json_span value;
    bool is_object = first == '{';
    if (!(is_object ? take_object(d) : json_scan_value(&d->scan, &value)))
        return false;
    json_scan_space(&d->scan);
    if (d->scan.at < d->scan.end)
        return json_scan_fail(&d->scan, d->scan.at, "more text after the end of the JSON value");
    if (!is_object)
        fault_not_object(d, value);
    else if (d->limits != NULL && !d->has_results && !fault_shape(d))
        fault_missing(d, "add \"results\": the series as a list of numbers");
    return true;
}

/* Bodies of another kind, and what to change. */
static const char *hint_kind(const struct decoder *d, size_t at)
{
    const struct json_scan *scan = &d->scan;
    if (d->limits == NULL)
        return "";
    if (at == 0 && at < (size_t)(scan->end - scan->text) && isalpha((unsigned char)*scan->text))
        return "; if this is CSV, send it with Content-Type: text/csv";
    if (at > 0 && scan->problem_at[-1] == '\n')
        return "; if each line is a value of its own, send Content-Type: application/x-ndjson; if "
               "this is CSV, text/csv";
    return "";
}

/* A text that is not JSON has one fault: what else seemed wrong before it means nothing. */
static void fault_syntax(struct decoder *d)
{
    assert(d->scan.problem_at >= d->scan.text && d->scan.problem_at <= d->scan.end);
    size_t at = (size_t)(d->scan.problem_at - d->scan.text);
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        bool newline = d->scan.text[i] == '\n';
        line += newline;
        column = newline ? 1 : column + 1;
    }
    const char *hint = luna_arena_printf(d->arena, "line %zu, byte %zu: %s%s", line, column,
                                         d->scan.problem, hint_kind(d, at));
    luna_faults_clear(d->faults);
    luna_fault_at_index(luna_faults_add(d->faults, "json_invalid", "JSON decode error", hint), at);
}

/* False: out of memory. */
static bool take_id(struct decoder *d)
{
    for (size_t i = 0; d->with_id && i < d->name_count; i++) {
        struct json_span value = d->values[i];
        if (!name_is(d->names[i], "id") || value.at == NULL)
            continue;
        bool is_id = value.at[0] == '"' || value.at[0] == '-' || isdigit((unsigned char)*value.at);
        if (!is_id || value.len > LUNA_SERIES_ID_BYTES_MAX) {
            luna_fault_at(luna_faults_add(d->faults, "string_type",
                                          "Input should be a valid string or number",
                                          "the name of the series, of at most 254 bytes"),
                          "id");
            continue;
        }
        d->request->id = luna_arena_strndup(d->arena, value.at, value.len);
        if (d->request->id == NULL)
            return false;
    }
    return true;
}

static void fault_beside(struct decoder *d, struct json_span name)
{
    struct luna_fault *fault = luna_faults_add(
        d->faults, "extra_forbidden", "Extra inputs are not permitted",
        "a series has the members id and results; options stand beside series, for all of them; "
        "series with options of their own are lines of NDJSON");
    luna_fault_at(fault, luna_faults_quote(d->faults, name.at, name.len));
}

static enum luna_decode_status decode(struct decoder *d)
{
    static const char bom[] = "\xef\xbb\xbf";
    bool starts_with_bom = d->scan.end - d->scan.at >= 3 && memcmp(d->scan.at, bom, 3) == 0;
    bool ok = starts_with_bom ? json_scan_fail(&d->scan, d->scan.at, "remove the byte order mark")
                              : take_document(d);
    if (d->out_of_memory || !take_id(d))
        return LUNA_DECODE_MEMORY;
    bool is_index = d->name_count == MEMBERS_MAX && d->limits != NULL && !d->has_results;
    if (!ok && d->scan.problem != NULL && !(is_index && fault_shape(d)))
        fault_syntax(d);
    if (!ok || d->is_foreign)
        return d->too_long ? LUNA_DECODE_LONG : LUNA_DECODE_FAULTS;
    const char *names_hint =
        d->limits != NULL
            ? "members are: results, model, output, horizon, intervals, include, robust, "
              "ljung_box_lags, transform, bias_adjust"
            : "options are: model, output, horizon, intervals, include, robust, ljung_box_lags, "
              "transform, bias_adjust";
    for (size_t i = 0; i < d->name_count; i++) {
        struct json_span value = d->values[i];
        if (value.at == NULL || (d->with_id && name_is(d->names[i], "id")))
            continue;
        if (d->is_named)
            fault_beside(d, d->names[i]);
        else if (!option_apply(d->names[i], value, (size_t)(value.at - d->scan.text), names_hint,
                               d->request, d->faults))
            return LUNA_DECODE_MEMORY;
    }
    if (luna_run_check(d->request, d->faults) == LUNA_RUN_MEMORY)
        return LUNA_DECODE_MEMORY;
    return d->faults->count > 0 ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}

void luna_request_init(struct luna_request *request)
{
    *request = (struct luna_request){.model_name = "local_level", .output = LUNA_OUTPUT_FILTERED};
}

static enum luna_decode_status decode_series(struct decoder *d, const char *body, size_t len,
                                             struct luna_request *ret_request)
{
    struct luna_request request;
    luna_request_init(&request);
    d->request = &request;
    json_scan_init(&d->scan, body, len, d->limits->nesting_max);
    if (len == 0) {
        (void)luna_faults_add(d->faults, "missing", "Field required",
                              "send a body: {\"results\": [1120, 1160, ...]}");
        return LUNA_DECODE_FAULTS;
    }
    enum luna_decode_status status = decode(d);
    if (status == LUNA_DECODE_OK)
        *ret_request = request;
    else if (d->with_id)
        ret_request->id = request.id;
    return status;
}

enum luna_decode_status luna_decode_json(const char *body, size_t len,
                                         const struct luna_request_limits *limits,
                                         struct luna_arena *arena, struct luna_request *ret_request,
                                         struct luna_faults *faults)
{
    struct decoder d = {.limits = limits, .arena = arena, .faults = faults};
    return decode_series(&d, body, len, ret_request);
}

enum luna_decode_status luna_decode_json_series(const char *body, size_t len,
                                                const struct luna_request_limits *limits,
                                                struct luna_arena *arena,
                                                struct luna_request *ret_request,
                                                struct luna_faults *faults)
{
    struct decoder d = {.limits = limits, .arena = arena, .faults = faults, .with_id = true};
    return decode_series(&d, body, len, ret_request);
}

enum luna_decode_status luna_decode_json_named(const char *body, size_t len,
                                               const struct luna_request_limits *limits,
                                               struct luna_arena *arena,
                                               struct luna_request *ret_request,
                                               struct luna_faults *faults)
{
    struct decoder d = {
        .limits = limits, .arena = arena, .faults = faults, .with_id = true, .is_named = true};
    return decode_series(&d, body, len, ret_request);
}

enum luna_decode_status luna_decode_options(const char *json, size_t len, int nesting_max,
                                            struct luna_arena *arena, struct luna_request *request,
                                            struct luna_faults *faults)
{
    struct decoder d = {.arena = arena, .request = request, .faults = faults};
    json_scan_init(&d.scan, json, len, nesting_max);
    return decode(&d);
}
