/* The rows of a table whose form is known. */
#include "ids.h"
#include "luna/modelling/batch.h"
#include "order.h"
#include "reading.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* What the two passes over the rows keep. */
struct rows {
    struct reading *reading;
    struct csv_record record; /* the one being read; kept here because it is large */
    bool is_started; /* a pass has seen its first record: blank lines before it are ignored */
    size_t count;    /* of data, blank lines at the end left out */
    size_t last_line, line_before_last, totals_line;
    const char *last_at; /* the last row */
    double *values;      /* [count] */
    uint32_t *owners;    /* [count] the series of each; NULL: there is only one */
    size_t missing;
    struct ids ids;
    bool has_ids;
    struct order order;
    struct csv_field first_time, last_time;
    bool is_stopped; /* by a fault that all later rows may repeat */
};

static void fault_syntax(struct reading *r, const char *at, size_t line, const char *problem)
{
    assert(at >= r->text.at && at <= r->text.at + r->text.len);
    const char *hint = luna_arena_printf(r->arena, "line %zu: %s", line, problem);
    luna_fault_at_index(luna_faults_add(r->faults, "csv_invalid", "CSV decode error", hint),
                        (size_t)(at - r->text.at));
}

/* The next record that counts. A blank line is a missing observation when there is one column,
 * unless nothing follows; *ret_blanks says how many came before. With more columns, and between
 * records of NDJSON, it means nothing. */
static bool next_record(struct rows *rows, struct csv_scan *scan, size_t *ret_blanks)
{
    const struct reading *r = rows->reading;
    bool counts = r->sample.columns == 1 && !r->options->is_records;
    *ret_blanks = 0;
    while (csv_scan_record(scan, &rows->record)) {
        if (!rows->record.is_blank) {
            rows->is_started = true;
            return true;
        }
        *ret_blanks += rows->is_started && counts;
    }
    return false;
}

/* A pass starts behind the rows of names and units. */
static void start_pass(struct rows *rows, struct csv_scan *scan)
{
    const struct reading *r = rows->reading;
    size_t blanks = 0;
    csv_scan_init(scan, r->text.at, r->text.len, r->delimiter);
    scan->line -= r->options->is_records;
    rows->is_started = false;
    for (size_t i = 0; i < (size_t)r->has_header + r->has_units; i++)
        (void)next_record(rows, scan, &blanks);
}

/* More fields than columns are allowed when they are empty: a delimiter at the end of the line. */
static bool has_width(const struct csv_record *record, size_t columns)
{
    for (size_t i = columns; i < record->count; i++) {
        if (record->fields[i].len > 0)
            return false;
    }
    return record->count >= columns;
}

static void fault_width(struct rows *rows)
{
    struct reading *r = rows->reading;
    const struct csv_record *record = &rows->record;
    const struct csv_field *first = &record->fields[0];
    const char *hint =
        r->delimiter == ',' && first->len > 0 && memchr(first->at, ';', first->len) != NULL
            ? "; fields are separated by ';' here; add delimiter=; and, for numbers such as 1,5, "
              "decimal=,"
        : record->count == 1
            ? "; if it is a remark, remove the line; if it is a title, start the line with #"
        : r->delimiter == ','
            ? "; quote a field that contains a comma, or add delimiter=; and decimal=,"
            : "";
    const char *problem = luna_arena_printf(r->arena, "%zu field(s) where the first line has %zu%s",
                                            record->count, r->sample.columns, hint);
    fault_syntax(r, record->at, record->line,
                 problem != NULL ? problem : "a wrong number of fields");
}

/* Totals below the data are no observations. */
static void leave_out_totals(struct rows *rows)
{
    const struct reading *r = rows->reading;
    struct csv_scan scan;
    if (rows->count < 2 || r->sample.columns < 2)
        return;
    csv_scan_init(&scan, r->text.at, r->text.len, r->delimiter);
    scan.at = rows->last_at;
    /* A row of another width is a fault already. */
    if (csv_scan_record(&scan, &rows->record) && rows->record.count >= r->sample.columns &&
        reading_is_total(r, &rows->record)) {
        rows->totals_line = rows->last_line;
        rows->last_line = rows->line_before_last;
        rows->count--;
    }
}

/* No row after this one could make the series valid. */
static bool is_enough(const struct rows *rows)
{
    return rows->count > rows->reading->points_max || rows->reading->faults->more;
}

/* First pass: how many rows there are. False when the text is not CSV at all. */
static bool count_rows(struct rows *rows)
{
    struct reading *r = rows->reading;
    struct csv_scan scan;
    size_t blanks = 0;
    start_pass(rows, &scan);
    while (!is_enough(rows) && next_record(rows, &scan, &blanks)) {
        if (rows->record.count != r->sample.columns && !has_width(&rows->record, r->sample.columns))
            fault_width(rows);
        rows->line_before_last = rows->last_line;
        rows->last_line = rows->record.line;
        rows->last_at = rows->record.at;
        rows->count += blanks + 1;
    }
    /* Only the last row of all can be a total: not the one at which the limit ended the loop. */
    bool more = next_record(rows, &scan, &blanks);
    if (scan.problem != NULL)
        fault_syntax(r, scan.at, scan.line, scan.problem);
    else if (!more)
        leave_out_totals(rows);
    return scan.problem == NULL;
}

static const char *hint_empty(const struct reading *r)
{
    bool one_line = r->text.len > 0 && memchr(r->text.at, '\n', r->text.len) == NULL &&
                    memchr(r->text.at, '\r', r->text.len) == NULL;
    return one_line ? "the body is one line; curl removes line ends with -d: use --data-binary"
                    : "send at least one row of data";
}

static enum luna_decode_status check_length(struct rows *rows)
{
    struct reading *r = rows->reading;
    const char *name = r->value >= 0 ? r->columns[r->value].name : "value";
    if (rows->count == 0) {
        luna_fault_at(luna_faults_add(r->faults, "too_short",
                                      "List should have at least 1 item after validation, not 0",
                                      hint_empty(r)),
                      name);
        return LUNA_DECODE_FAULTS;
    }
    if (rows->count > r->points_max) {
        const char *msg = luna_arena_printf(
            r->arena, "List should have at most %zu items after validation, not more",
            r->points_max);
        luna_fault_at(
            luna_faults_add(r->faults, "too_long", msg, "split the series into several requests"),
            name);
        return LUNA_DECODE_LONG;
    }
    return r->faults->more ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}

static struct csv_field field_at(const struct rows *rows, int column)
{
    return (size_t)column < rows->record.count ? rows->record.fields[column]
                                               : (struct csv_field){.at = "", .len = 0};
}

static const char *quote_field(const struct rows *rows, struct csv_field field)
{
    return reading_quote(rows->reading, field);
}

static const char *hint_time(const struct rows *rows, size_t series, enum order_status status)
{
    const struct reading *r = rows->reading;
    const char *time = quote_field(rows, field_at(rows, r->time));
    const struct order_last *before = &rows->order.last[series];
    if (status == ORDER_BROKEN)
        return luna_arena_printf(
            r->arena,
            "line %zu: \"%s\" does not come after \"%s\" on line %zu; sort the rows by "
            "time, oldest first; if the table has several series, name the column that tells them "
            "apart: "
            "id_column=NAME; time_column= (empty) leaves the times unread",
            rows->record.line, time, quote_field(rows, before->time), before->line);
    return luna_arena_printf(
        r->arena,
        status == ORDER_MIXED
            ? "line %zu: \"%s\" has another order of day and month than rows above; write "
              "all times as 2020-12-31; time_column= (empty) leaves the times unread"
            : "line %zu: \"%s\" is not a time; if the line is a total or a remark, remove it; "
              "time_column= (empty) leaves the times unread",
        rows->record.line, time);
}

/* Faults of times repeat from row to row: the first one ends the pass. */
static void fault_time(struct rows *rows, size_t series, enum order_status status)
{
    static const char *const msgs[] = {
        [ORDER_NO_TIME] = "Value error, a time is missing or cannot be read",
        [ORDER_MIXED] = "Value error, the day comes first in some times and the month in others",
        [ORDER_BROKEN] = "Value error, the times do not grow from row to row"};
    struct reading *r = rows->reading;
    assert(status != ORDER_GROWS);
    reading_fault(r, r->time, "value_error", msgs[status], hint_time(rows, series, status));
    rows->is_stopped = true;
}

static void take_time(struct rows *rows, size_t series)
{
    struct csv_field time = field_at(rows, rows->reading->time);
    enum order_status status = order_check(&rows->order, series, time, rows->record.line);
    if (status != ORDER_GROWS) {
        fault_time(rows, series, status);
        return;
    }
    rows->first_time = rows->first_time.at == NULL ? time : rows->first_time;
    rows->last_time = time;
}

static void fault_ids(struct rows *rows, enum ids_status status)
{
    struct reading *r = rows->reading;
    const struct csv_field *ids = rows->ids.list;
    int column = r->id != LUNA_TABLE_NONE ? r->id : r->watched;
    const char *name = r->columns[column].name;
    rows->is_stopped = true;
    if (status == IDS_FULL && r->batch) {
        reading_fault(r, column, "too_long",
                      luna_arena_printf(r->arena, "The table should have at most %d series",
                                        LUNA_BATCH_SERIES_MAX),
                      "send fewer series in one request");
        return;
    }
    assert(rows->ids.count > 1);
    reading_fault(r, column, "value_error",
                  luna_arena_printf(r->arena,
                                    "Value error, the table has several series: column \"%s\" "
                                    "holds \"%s\" and \"%s\"",
                                    name, quote_field(rows, ids[0]), quote_field(rows, ids[1])),
                  luna_arena_printf(r->arena,
                                    "send a batch, with id_column=%s; or only the rows of one "
                                    "series; id_column= (empty) if it is one series all the same",
                                    name));
}

/* Watched ids that come back are not ids. */
static size_t take_id(struct rows *rows)
{
    struct reading *r = rows->reading;
    size_t series = 0, before = rows->ids.last, known = rows->ids.count;
    int column = r->id != LUNA_TABLE_NONE ? r->id : r->watched;
    enum ids_status status = ids_find(&rows->ids, csv_trim(field_at(rows, column)), &series);
    if (r->id == LUNA_TABLE_NONE) {
        bool returns = status == IDS_OK && series != before && series < known;
        if (returns || status == IDS_FULL)
            rows->has_ids = false;
        return 0;
    }
    if (status == IDS_FULL || (!r->batch && series > 0))
        fault_ids(rows, status);
    return status == IDS_OK ? series : 0;
}

static void take_value(struct rows *rows, size_t row)
{
    struct reading *r = rows->reading;
    struct csv_field field = field_at(rows, r->value);
    enum cell cell = cell_read(field, r->style, &rows->values[row]);
    if (r->is_point_unsure && field.len > 0 && memchr(field.at, '.', field.len) != NULL)
        reading_check_point(r, field);
    if (cell == CELL_TEXT &&
        cell_mark(field) == (r->style.decimal == '.' ? MARK_POINT_GROUPED : MARK_COMMA_GROUPED)) {
        r->style.groups = true; /* the first number above 999 */
        cell = cell_read(field, r->style, &rows->values[row]);
    }
    rows->missing += cell == CELL_MISSING;
    if (cell == CELL_TEXT || cell == CELL_RANGE)
        reading_fault_cell(r, field, cell, row, rows->record.line);
}

static void take_row(struct rows *rows, size_t row)
{
    const struct reading *r = rows->reading;
    size_t series = rows->has_ids ? take_id(rows) : 0;
    if (rows->owners != NULL)
        rows->owners[row] = (uint32_t)series;
    if (rows->is_stopped)
        return;
    take_value(rows, row);
    if (r->time != LUNA_TABLE_NONE)
        take_time(rows, series);
}

/* Second pass: the cells of the chosen columns. */
static void extract(struct rows *rows)
{
    struct reading *r = rows->reading;
    struct csv_scan scan;
    size_t row = 0, blanks = 0;
    start_pass(rows, &scan);
    while (row < rows->count && !r->faults->more && !rows->is_stopped &&
           next_record(rows, &scan, &blanks)) {
        /* Both passes see the same records: the first counted the room for these. */
        assert(row + blanks < rows->count);
        rows->missing += blanks;
        for (; blanks > 0; blanks--)
            rows->values[row++] = (double)NAN;
        take_row(rows, row++);
    }
    if (rows->has_ids && r->id == LUNA_TABLE_NONE && rows->ids.count > 1 && !rows->is_stopped)
        fault_ids(rows, IDS_OK);
}

static bool prepare(struct rows *rows)
{
    const struct reading *r = rows->reading;
    enum { WATCHED_MAX = 64 };
    size_t series_max = r->batch ? LUNA_BATCH_SERIES_MAX : WATCHED_MAX;
    if (series_max > rows->count)
        series_max = rows->count;
    rows->has_ids = r->id != LUNA_TABLE_NONE || r->watched != LUNA_TABLE_NONE;
    rows->values = luna_arena_alloc(r->arena, rows->count * sizeof *rows->values);
    if (rows->values == NULL || (rows->has_ids && !ids_init(&rows->ids, r->arena, series_max)))
        return false;
    if (r->time != LUNA_TABLE_NONE && !order_init(&rows->order, r->arena, series_max))
        return false;
    if (!r->batch)
        return true;
    rows->owners = luna_arena_alloc(r->arena, rows->count * sizeof *rows->owners);
    return rows->owners != NULL;
}

/* The rows of each series side by side, in their order. */
static bool split(struct rows *rows, struct luna_table *table)
{
    struct reading *r = rows->reading;
    size_t count = rows->owners != NULL ? rows->ids.count : 1;
    struct luna_table_series *list = luna_arena_calloc(r->arena, count, sizeof *list);
    if (list == NULL)
        return false;
    table->series = list;
    table->series_count = count;
    list[0] = (struct luna_table_series){.values = rows->values, .n = rows->count};
    if (rows->has_ids && r->id != LUNA_TABLE_NONE) {
        for (size_t i = 0; i < count; i++) {
            struct csv_field id = reading_unquote(r, rows->ids.list[i]);
            list[i].id = id.at != NULL ? luna_arena_strndup(r->arena, id.at, id.len) : NULL;
            if (list[i].id == NULL)
                return false;
        }
    }
    if (count == 1)
        return true;
    double *values = luna_arena_alloc(r->arena, rows->count * sizeof *values);
    if (values == NULL)
        return false;
    list[0].n = 0;
    for (size_t row = 0; row < rows->count; row++)
        list[rows->owners[row]].n++;
    for (size_t i = 0; i < count; i++) {
        list[i].values = values;
        values += list[i].n;
        list[i].n = 0;
    }
    for (size_t row = 0; row < rows->count; row++) {
        struct luna_table_series *series = &list[rows->owners[row]];
        series->values[series->n++] = rows->values[row];
    }
    return true;
}

static const char *copy_time(const struct reading *r, struct csv_field field)
{
    field = csv_trim(field);
    return field.at != NULL ? luna_arena_strndup(r->arena, field.at, field.len) : NULL;
}

static bool describe(struct rows *rows, struct luna_table *ret_table)
{
    const struct reading *r = rows->reading;
    *ret_table = (struct luna_table){
        .encoding = r->text.encoding,
        .delimiter = r->delimiter == CSV_NO_DELIMITER ? (char)0 : r->delimiter,
        .decimal = r->style.decimal,
        .has_header = r->has_header,
        .columns = r->columns,
        .column_count = r->sample.columns,
        .value = r->value,
        .time = r->time,
        .id = r->id,
        .first_line =
            r->sample.lines[(size_t)r->has_header + r->has_units] - r->options->is_records,
        .last_line = rows->last_line,
        .units_line = r->has_units ? r->sample.lines[1] - r->options->is_records : 0,
        .totals_line = rows->totals_line,
        .rows = rows->count,
        .missing = rows->missing,
        .first_time = copy_time(r, rows->first_time),
        .last_time = copy_time(r, rows->last_time),
    };
    if (r->time != LUNA_TABLE_NONE &&
        (ret_table->first_time == NULL || ret_table->last_time == NULL))
        return false;
    return split(rows, ret_table);
}

/* One number, and no line end: the lines of a series, which curl has joined, or one observation. */
static bool check_joined(struct rows *rows)
{
    enum { DIGITS_SUSPECT = 9 };
    struct reading *r = rows->reading;
    size_t digits = 0;
    for (size_t i = 0; i < r->text.len && r->text.len < 64; i++)
        digits += r->text.at[i] >= '0' && r->text.at[i] <= '9';
    digits = r->text.len < 64 ? digits : DIGITS_SUSPECT;
    if (rows->count > 1 || r->sample.columns > 1 || digits < DIGITS_SUSPECT ||
        memchr(r->text.at, '\n', r->text.len) != NULL ||
        memchr(r->text.at, '\r', r->text.len) != NULL)
        return true;
    reading_fault(
        r, r->value, "value_error",
        luna_arena_printf(r->arena,
                          "Value error, the body is one number of %zu digits, without a "
                          "line end",
                          r->text.len < 64 ? digits : r->text.len),
        "curl removes line ends with -d: use --data-binary; if it is one observation, end "
        "the line");
    return false;
}

enum luna_decode_status reading_take_rows(struct reading *r, struct luna_table *ret_table)
{
    struct rows *rows = luna_arena_calloc(r->arena, 1, sizeof *rows);
    if (rows == NULL)
        return LUNA_DECODE_MEMORY;
    rows->reading = r;
    if (!count_rows(rows))
        return LUNA_DECODE_FAULTS;
    enum luna_decode_status length = check_length(rows);
    if (length != LUNA_DECODE_OK)
        return length;
    if (!check_joined(rows))
        return LUNA_DECODE_FAULTS;
    if (!prepare(rows))
        return LUNA_DECODE_MEMORY;
    extract(rows);
    if (r->faults->count > 0)
        return LUNA_DECODE_FAULTS;
    return describe(rows, ret_table) ? LUNA_DECODE_OK : LUNA_DECODE_MEMORY;
}
