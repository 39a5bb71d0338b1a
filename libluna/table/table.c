#include "luna/table/table.h"

#include "luna/base/escape.h"
#include "reading.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static bool find_header(struct reading *r)
{
    enum luna_table_header header =
        r->options->is_records ? LUNA_TABLE_HEADER_PRESENT : r->options->header;
    if (header == LUNA_TABLE_HEADER_FIND && r->sample.rows > 0)
        header = sample_header(&r->sample);
    if (header == LUNA_TABLE_HEADER_FIND && r->sample.rows > 0) {
        struct csv_field first = sample_field(&r->sample, 0, 0);
        (void)luna_faults_add(
            r->faults, "value_error",
            luna_arena_printf(r->arena,
                              "Value error, the first line (\"%s\" …) can be names of columns or "
                              "the first row of data",
                              reading_quote(r, first)),
            "add header=present if it holds names, or header=absent");
        return false;
    }
    r->has_header = header == LUNA_TABLE_HEADER_PRESENT;
    r->has_units = r->has_header && sample_has_units(&r->sample, r->delimiter);
    return true;
}

static bool check_blanks(struct reading *r)
{
    if (r->options->is_records || r->options->delimiter != 0 || r->delimiter != ',' ||
        !sample_is_blank_delimited(&r->sample, &r->text))
        return true;
    const struct csv_field first = sample_field(&r->sample, 0, 0);
    const struct csv_field second = sample_field(&r->sample, 0, 1);
    (void)luna_faults_add(
        r->faults, "value_error",
        luna_arena_printf(
            r->arena,
            "Value error, \"%s,%s\" can be read in two ways: as fields with a blank "
            "between them and a decimal comma, or as fields with a comma between them",
            reading_quote(r, first), reading_quote(r, second)),
        "add delimiter=space and decimal=, if the comma is decimal, else delimiter=,");
    return false;
}

/* With U+FFFD for each byte that is not UTF-8, as in a name in Latin-1. */
static const char *as_utf8(const struct reading *r, const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    enum { REPLACEMENT_LEN = sizeof replacement - 1 };
    size_t len = strlen(text), at = 0, put = 0;
    char *copy = luna_arena_alloc(r->arena, len * REPLACEMENT_LEN + 1);
    while (copy != NULL && at < len) {
        size_t size = luna_utf8_length(text + at, len - at);
        memcpy(copy + put, size > 0 ? text + at : replacement, size > 0 ? size : REPLACEMENT_LEN);
        put += size > 0 ? size : REPLACEMENT_LEN;
        at += size > 0 ? size : 1;
    }
    if (copy == NULL)
        return "?";
    copy[put] = '\0';
    return copy;
}

static const char *column_name(const struct reading *r, size_t column)
{
    struct csv_field field =
        r->has_header ? csv_trim(sample_field(&r->sample, 0, column)) : (struct csv_field){0};
    if (field.len > 0)
        return as_utf8(r, reading_quote(r, field));
    const char *number = luna_arena_printf(r->arena, "%zu", column + 1);
    return r->sample.columns == 1 || number == NULL ? "value" : number;
}

static bool find_kinds(struct reading *r)
{
    size_t first = reading_first_row(r);
    r->columns = luna_arena_calloc(r->arena, r->sample.columns, sizeof *r->columns);
    for (size_t i = 0; r->columns != NULL && i < r->sample.columns; i++)
        r->columns[i] =
            (struct luna_table_column){column_name(r, i), sample_kind(&r->sample, first, i)};
    return r->columns != NULL;
}

/* One number, and no line end: the lines of a series, which curl has joined, or one observation. */
static bool check_joined(struct reading *r)
{
    enum { DIGITS_SUSPECT = 2 };
    size_t digits = 0;
    if (r->sample.columns > 1 || !text_lacks_line_end(&r->text))
        return true;
    for (size_t i = 0; i < r->text.len; i++)
        digits += csv_is_digit(r->text.at[i]);
    if (digits < DIGITS_SUSPECT)
        return true;
    reading_fault(
        r, r->value, "value_error",
        luna_arena_printf(r->arena,
                          "Value error, the body is one number of %zu digits, without a "
                          "line end",
                          digits),
        "curl removes line ends with -d: use --data-binary; if it is one observation, end "
        "the line");
    return false;
}

/* The form of the table. A table without data has a value that is not found. */
static enum luna_decode_status find_form(struct reading *r)
{
    csv_scan_init(&r->scan, r->text.at, r->text.len);
    r->delimiter = r->options->is_records       ? ','
                   : r->options->delimiter != 0 ? r->options->delimiter
                                                : sample_delimiter(&r->scan);
    csv_scan_set_delimiter(&r->scan, r->delimiter);
    r->scan.line -= r->options->is_records; /* the names of NDJSON have no line */
    if (!sample_read(&r->scan, r->arena, &r->sample))
        return LUNA_DECODE_MEMORY;
    if (r->options->missing != NULL) {
        markers_read(r->options->missing, &r->markers);
        r->sample.markers = &r->markers;
    }
    r->value = r->time = r->id = r->watched = LUNA_TABLE_NONE;
    if (!check_blanks(r) || !find_header(r))
        return LUNA_DECODE_FAULTS;
    if (r->sample.rows <= (size_t)r->has_header)
        return LUNA_DECODE_OK;
    if (!find_kinds(r))
        return LUNA_DECODE_MEMORY;
    bool is_clear =
        reading_choose(r) && reading_check_turns(r) && check_joined(r) && reading_find_style(r);
    return is_clear ? LUNA_DECODE_OK : LUNA_DECODE_FAULTS;
}

enum luna_decode_status luna_table_read(const char *body, size_t len,
                                        const struct luna_table_options *options, bool batch,
                                        const struct luna_request_limits *limits,
                                        struct luna_arena *arena, struct luna_table *ret_table,
                                        struct luna_faults *faults)
{
    struct reading r = {.options = options,
                        .batch = batch,
                        .points_max = limits->points_max,
                        .arena = arena,
                        .faults = faults};
    enum luna_decode_status status = text_read(body, len, arena, &r.text, faults);
    if (status == LUNA_DECODE_OK)
        status = find_form(&r);
    if (status == LUNA_DECODE_OK)
        status = reading_take_rows(&r, ret_table);
    if (status == LUNA_DECODE_OK)
        reading_check_fills(&r, ret_table);
    return status == LUNA_DECODE_OK && faults->count > 0 ? LUNA_DECODE_FAULTS : status;
}

void luna_table_request(const struct luna_table *table, size_t series, struct luna_request *request)
{
    assert(series < table->series_count);
    luna_request_init(request);
    request->values = request->values_own = table->series[series].values;
    request->n = table->series[series].n;
}

static const char *id_as_json(const char *id, struct luna_arena *arena)
{
    struct luna_buf text;
    luna_buf_init(&text, SIZE_MAX / 2);
    luna_buf_put_json_string(&text, id, strlen(id));
    const char *copy = text.overflow ? NULL : luna_arena_strndup(arena, text.data, text.len);
    luna_buf_done(&text);
    return copy;
}

bool luna_table_batch(const struct luna_table *table, const struct luna_request *shared,
                      struct luna_arena *arena, struct luna_batch *ret_batch)
{
    struct luna_batch batch = {
        .count = table->series_count, .sound = table->series_count, .points = table->rows};
    batch.items = luna_arena_calloc(arena, batch.count, sizeof *batch.items);
    for (size_t i = 0; batch.items != NULL && i < batch.count; i++) {
        struct luna_request *request = &batch.items[i].request;
        *request = *shared;
        request->values = request->values_own = table->series[i].values;
        request->n = table->series[i].n;
        request->id = id_as_json(table->series[i].id, arena);
        if (request->id == NULL)
            return false;
    }
    *ret_batch = batch;
    return batch.items != NULL;
}
