#include "luna/modelling/decode.h"

#include "csv_scan.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* So many rows say which column is numeric. */
enum { SURVEY_ROWS = 100 };

struct table {
    const char *body;
    size_t len;
    struct luna_arena *arena;
    struct luna_faults *faults;
    struct csv_record record; /* the one being read; kept here because it is large */
    bool is_started; /* a pass has seen its first record: blank lines before it are ignored */
    size_t points_max;
    size_t columns;
    bool has_header;
    size_t column; /* the series */
    const char *column_name;
    size_t rows; /* of data, blank lines at the end left out */
};

static void fault_syntax(struct table *t, const char *at, size_t line, const char *problem)
{
    assert(at >= t->body && at <= t->body + t->len);
    const char *hint = luna_arena_printf(t->arena, "line %zu: %s", line, problem);
    luna_fault_at_index(luna_faults_add(t->faults, "csv_invalid", "CSV decode error", hint),
                        (size_t)(at - t->body));
}

/* The next record that counts. A blank line is a missing observation when there is one column,
 * unless nothing follows; *ret_blanks says how many came before. With more columns it means
 * nothing. */
static bool next_record(struct table *t, struct csv_scan *scan, size_t *ret_blanks)
{
    *ret_blanks = 0;
    while (csv_scan_record(scan, &t->record)) {
        if (!t->record.is_blank) {
            t->is_started = true;
            return true;
        }
        *ret_blanks += t->is_started && t->columns == 1;
    }
    return false;
}

static void start_pass(struct table *t, struct csv_scan *scan)
{
    csv_scan_init(scan, t->body, t->len);
    t->is_started = false;
}

static bool survey_header(struct table *t, struct csv_scan *scan)
{
    size_t blanks = 0;
    if (!next_record(t, scan, &blanks))
        return false;
    t->columns = t->record.count;
    assert(t->columns > 0 && t->columns <= CSV_COLUMNS_MAX);
    for (size_t i = 0; i < t->columns; i++) {
        double value = 0;
        t->has_header = t->has_header || csv_read_cell(t->record.fields[i], &value) == CSV_TEXT;
    }
    return true;
}

struct survey {
    enum csv_cell first[CSV_COLUMNS_MAX]; /* what the first cell that is not missing holds */
    bool is_named;                        /* a column called "value" */
    size_t named;
};

static void survey_row(const struct table *t, struct survey *s)
{
    for (size_t i = 0; i < t->columns && i < t->record.count; i++) {
        double value = 0;
        if (s->first[i] == CSV_MISSING)
            s->first[i] = csv_read_cell(t->record.fields[i], &value);
    }
}

/* The column called value, else the last that begins with a number. One bad cell further down must
 * become a fault, not turn the choice to another column. */
static size_t choose_column(const struct table *t, const struct survey *s)
{
    assert(t->columns > 0 && (!s->is_named || s->named < t->columns));
    if (s->is_named)
        return s->named;
    for (size_t i = t->columns; i > 0; i--) {
        if (s->first[i - 1] == CSV_NUMBER || s->first[i - 1] == CSV_RANGE)
            return i - 1;
    }
    return t->columns - 1;
}

static void check_width(struct table *t)
{
    if (t->record.count == t->columns)
        return;
    const char *problem = luna_arena_printf(t->arena, "%zu field(s) where the first line has %zu",
                                            t->record.count, t->columns);
    fault_syntax(t, t->record.at, t->record.line,
                 problem != NULL ? problem : "a wrong number of fields");
}

static void name_column(struct table *t, const struct csv_record *header, struct survey *s)
{
    for (size_t i = 0; i < t->columns; i++) {
        if (!s->is_named && csv_field_is(header->fields[i], "value")) {
            s->is_named = true;
            s->named = i;
        }
    }
}

/* No row after this one could make the series valid. */
static bool is_enough(const struct table *t)
{
    return t->rows > t->points_max || t->faults->more;
}

/* First pass: shape, header, which column. False when the text is not CSV at all. */
static bool survey(struct table *t)
{
    struct csv_scan scan;
    struct survey s = {.is_named = false};
    for (size_t i = 0; i < CSV_COLUMNS_MAX; i++)
        s.first[i] = CSV_MISSING;
    start_pass(t, &scan);
    if (survey_header(t, &scan)) {
        struct csv_field names[CSV_COLUMNS_MAX];
        for (size_t i = 0; i < t->columns; i++)
            names[i] = t->record.fields[i];
        if (t->has_header) {
            name_column(t, &t->record, &s);
        } else {
            survey_row(t, &s);
            t->rows = 1;
        }
        size_t blanks = 0;
        while (!is_enough(t) && next_record(t, &scan, &blanks)) {
            check_width(t);
            t->rows += blanks + 1;
            if (t->rows <= SURVEY_ROWS)
                survey_row(t, &s);
        }
        t->column = choose_column(t, &s);
        t->column_name =
            t->has_header ? luna_faults_quote(t->faults, names[t->column].at, names[t->column].len)
                          : "value";
    }
    if (scan.problem != NULL)
        fault_syntax(t, scan.at, scan.line, scan.problem);
    return scan.problem == NULL;
}

static void fault_cell(struct table *t, size_t row, enum csv_cell cell)
{
    assert(t->column < t->record.count && row < t->rows);
    struct csv_field field = t->record.fields[t->column];
    bool range = cell == CSV_RANGE;
    /* As spreadsheets write it where the decimal mark is a comma. */
    bool semicolons = field.len > 0 && memchr(field.at, ';', field.len) != NULL;
    const char *hint = luna_arena_printf(
        t->arena,
        range ? "line %zu: %s is too large for a double; rescale the series"
        : semicolons
            ? "line %zu: \"%s\" is not a number; separate fields with commas and write 1.5, not 1,5"
            : "line %zu: \"%s\" is not a number; leave the field empty for a missing observation",
        t->record.line, luna_faults_quote(t->faults, field.at, field.len));
    luna_fault_at_index(
        luna_fault_at(
            luna_faults_add(
                t->faults, range ? "finite_number" : "float_parsing",
                range ? "Input should be a finite number"
                      : "Input should be a valid number, unable to parse string as a number",
                hint),
            t->column_name),
        row);
}

/* Second pass: the cells of the chosen column. */
static void extract(struct table *t, double *values)
{
    struct csv_scan scan;
    size_t row = 0, blanks = 0;
    start_pass(t, &scan);
    if (t->has_header && !next_record(t, &scan, &blanks))
        return;
    while (!t->faults->more && next_record(t, &scan, &blanks)) {
        /* Both passes see the same records: the first counted the room for these. */
        assert(row + blanks < t->rows);
        for (; blanks > 0; blanks--)
            values[row++] = NAN;
        values[row] = NAN;
        if (t->column < t->record.count) {
            enum csv_cell cell = csv_read_cell(t->record.fields[t->column], &values[row]);
            if (cell == CSV_TEXT || cell == CSV_RANGE)
                fault_cell(t, row, cell);
        }
        row++;
    }
}

static enum luna_decode_status check_length(struct table *t)
{
    const char *name = t->column_name != NULL ? t->column_name : "value";
    if (t->rows == 0) {
        luna_fault_at(luna_faults_add(t->faults, "too_short",
                                      "List should have at least 1 item after validation, not 0",
                                      "send at least one row of data"),
                      name);
        return LUNA_DECODE_FAULTS;
    }
    if (t->rows > t->points_max) {
        const char *msg = luna_arena_printf(
            t->arena, "List should have at most %zu items after validation, not more",
            t->points_max);
        luna_fault_at(
            luna_faults_add(t->faults, "too_long", msg, "split the series into several requests"),
            name);
        return LUNA_DECODE_LONG;
    }
    return t->faults->more ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}

enum luna_decode_status luna_decode_csv(const char *body, size_t len,
                                        const struct luna_request_limits *limits,
                                        struct luna_arena *arena, struct luna_request *ret_request,
                                        struct luna_faults *faults)
{
    struct table *t = luna_arena_calloc(arena, 1, sizeof *t);
    if (t == NULL)
        return LUNA_DECODE_MEMORY;
    t->body = body;
    t->len = len;
    t->arena = arena;
    t->faults = faults;
    t->points_max = limits->points_max;
    if (!survey(t))
        return LUNA_DECODE_FAULTS;
    enum luna_decode_status length = check_length(t);
    if (length != LUNA_DECODE_OK)
        return length;
    double *values = luna_arena_alloc(arena, t->rows * sizeof *values);
    if (values == NULL)
        return LUNA_DECODE_MEMORY;
    extract(t, values);
    if (faults->count > 0)
        return LUNA_DECODE_FAULTS;
    luna_request_init(ret_request);
    ret_request->values = values;
    ret_request->values_own = values;
    ret_request->n = t->rows;
    return LUNA_DECODE_OK;
}
