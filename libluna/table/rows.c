/* The rows of a table whose form is known. */
#include "ids.h"
#include "luna/modelling/batch.h"
#include "order.h"
#include "reading.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Rows in which totals are looked for, and one above them. */
enum { PLACES = 4 };

/* What the two passes over the rows keep. */
struct rows {
    struct reading *reading;
    struct csv_record record; /* the one being read; kept here because it is large */
    bool is_started; /* a pass has seen its first record: blank lines before it are ignored */
    size_t count;    /* of data, blank lines at the end left out */
    /* The last rows that are not blank. */
    struct row_place {
        const char *at;
        size_t line, count; /* of the rows up to this one */
    } places[PLACES];
    size_t placed, totals_line;
    bool is_loose;    /* one blank line before every row */
    double *values;   /* [count] */
    uint32_t *owners; /* [count] the series of each; NULL: there is only one */
    size_t missing;
    struct ids ids;
    bool has_ids;
    struct order order;
    struct csv_field first_time, last_time;
    bool is_stopped; /* by a fault that all later rows may repeat */
};

/* The next record that counts. A blank line is a missing observation when there is one column,
 * unless nothing follows; *ret_blanks says how many came before. With more columns, and between
 * records of NDJSON, it means nothing. */
static bool next_record(struct rows *rows, struct csv_scan *scan, size_t *ret_blanks)
{
    const struct reading *r = rows->reading;
    *ret_blanks = 0;
    while (csv_scan_record(scan, &rows->record)) {
        if (!rows->record.is_blank) {
            rows->is_started = true;
            return true;
        }
        *ret_blanks += rows->is_started && r->sample.columns == 1 && !r->options->is_records;
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
    for (size_t i = 0; i < reading_first_row(r); i++)
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

static const struct row_place *last_place(const struct rows *rows)
{
    assert(rows->placed > 0);
    return &rows->places[(rows->placed - 1) % PLACES];
}

/* Totals below the data are no observations. */
static void leave_out_totals(struct rows *rows)
{
    struct reading *r = rows->reading;
    enum total total = TOTAL_YES;
    for (size_t left = PLACES - 1; rows->placed > 1 && left > 0 && total == TOTAL_YES; left--) {
        struct csv_scan scan;
        csv_scan_init(&scan, r->text.at, r->text.len, r->delimiter);
        scan.at = last_place(rows)->at;
        /* A row of another width is a fault already. */
        if (!csv_scan_record(&scan, &rows->record) || rows->record.count < r->sample.columns)
            return;
        total = reading_total(r, &rows->record);
        if (total == TOTAL_PERHAPS)
            reading_fault_syntax(
                r, last_place(rows)->at, last_place(rows)->line,
                "this may be a total, by its label or for lack of one; remove the line, or "
                "the column of labels");
        if (total != TOTAL_YES)
            return;
        rows->totals_line = last_place(rows)->line;
        rows->placed--;
        rows->count = last_place(rows)->count;
    }
}

/* Nothing but delimiters and blanks. At the end of one column it means nothing, as a blank line. */
static bool is_empty_row(const struct rows *rows)
{
    const struct csv_record *record = &rows->record;
    char first = *record->at; /* an empty field in quotes was meant */
    if ((first != ' ' && first != '\t' && first != rows->reading->delimiter) ||
        rows->reading->options->is_records)
        return false;
    for (size_t i = 0; i < record->count; i++) {
        if (csv_trim(record->fields[i]).len > 0)
            return false;
    }
    return true;
}

/* A row that counts, `gap` blank ones after the one before it. */
static void place(struct rows *rows, size_t gap)
{
    bool is_first = rows->placed == 0 && !rows->reading->has_header;
    if (rows->placed == 0 || rows->is_loose)
        rows->is_loose = gap == (is_first ? 0 : 1);
    rows->count += gap + 1;
    rows->places[rows->placed++ % PLACES] =
        (struct row_place){rows->record.at, rows->record.line, rows->count};
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
    size_t blanks = 0, gap = 0, empty_line = 0;
    const char *empty_at = NULL;
    start_pass(rows, &scan);
    while (!is_enough(rows) && next_record(rows, &scan, &blanks)) {
        if (rows->record.count != r->sample.columns && !has_width(&rows->record, r->sample.columns))
            reading_fault_width(r, &rows->record);
        gap += blanks;
        if (is_empty_row(rows)) {
            empty_at = empty_at == NULL ? rows->record.at : empty_at;
            empty_line = rows->record.line;
            gap++;
            continue;
        }
        place(rows, gap);
        gap = 0;
        empty_at = NULL;
    }
    /* Only the last row of all can be a total: not the one at which the limit ended the loop. */
    bool more = next_record(rows, &scan, &blanks);
    if (scan.problem != NULL)
        reading_fault_syntax(r, scan.at, scan.line, scan.problem);
    else if (!more && r->sample.columns > 1 && empty_at != NULL)
        reading_fault_syntax(r, empty_at, empty_line,
                             "the last row is empty; remove it, or write NA if an observation is "
                             "missing");
    else if (!more && r->sample.columns > 1)
        leave_out_totals(rows);
    if (scan.problem == NULL && rows->placed > 0)
        reading_check_totals(r, last_place(rows)->line);
    return scan.problem == NULL;
}

static const char *hint_empty(const struct reading *r)
{
    return text_lacks_line_end(&r->text)
               ? "the body is one line; curl removes line ends with -d: use --data-binary"
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
    enum { LOOSE_ROWS = 3 };
    if (rows->is_loose && rows->placed >= LOOSE_ROWS)
        reading_fault(r, r->value, "value_error", "Value error, every second line is blank",
                      "remove the blank lines; or write NA on them if observations are missing");
    return r->faults->more ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK;
}

static struct csv_field field_at(const struct rows *rows, int column)
{
    return (size_t)column < rows->record.count ? rows->record.fields[column]
                                               : (struct csv_field){.at = "", .len = 0};
}

static const char *hint_time(const struct rows *rows, size_t series, enum order_status status)
{
    const struct reading *r = rows->reading;
    const char *time = reading_quote(r, field_at(rows, r->time));
    const struct order_last *before = &rows->order.last[series];
    if (status == ORDER_BROKEN)
        return luna_arena_printf(
            r->arena,
            "line %zu: \"%s\" does not come after \"%s\" on line %zu; sort the rows by "
            "time, oldest first; if the table has several series, name the column that tells them "
            "apart: "
            "id_column=NAME; time_column= (empty) leaves the times unread",
            rows->record.line, time, reading_quote(r, before->time), before->line);
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
                                    name, reading_quote(r, ids[0]), reading_quote(r, ids[1])),
                  luna_arena_printf(r->arena,
                                    "send a batch, with id_column=%s; or only the rows of one "
                                    "series; id_column= (empty) if it is one series all the same",
                                    name));
}

/* An id in the first row of each series only, as merged cells are saved. */
static void fault_no_id(struct rows *rows)
{
    struct reading *r = rows->reading;
    reading_fault(r, r->id, "value_error", "Value error, an id is missing",
                  luna_arena_printf(r->arena,
                                    "line %zu: write the id of the series on every row; id_column= "
                                    "(empty) if the column holds no ids",
                                    rows->record.line));
    rows->is_stopped = true;
}

static size_t take_id(struct rows *rows)
{
    struct reading *r = rows->reading;
    size_t series = 0;
    if (r->id == LUNA_TABLE_NONE) {
        if (!ids_watch(&rows->ids, csv_trim(field_at(rows, r->watched)), r->is_watched_by_name))
            rows->has_ids = false;
        return 0;
    }
    struct csv_field id = csv_trim(field_at(rows, r->id));
    if (id.len == 0) {
        fault_no_id(rows);
        return 0;
    }
    enum ids_status status = ids_find(&rows->ids, id, &series);
    if (status == IDS_FULL || (!r->batch && series > 0))
        fault_ids(rows, status);
    return status == IDS_OK ? series : 0;
}

static void take_value(struct rows *rows, size_t row)
{
    struct reading *r = rows->reading;
    struct csv_field field = field_at(rows, r->value);
    if (r->style.decimal == '.' && !r->is_point_unsure &&
        cell_read_plain(field, r->text.at + r->text.len, &rows->values[row]))
        return;
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
    if (rows->has_ids && r->id == LUNA_TABLE_NONE && rows->ids.count > 1 && rows->ids.recurs &&
        !rows->is_stopped)
        fault_ids(rows, IDS_OK);
}

static bool prepare(struct rows *rows)
{
    const struct reading *r = rows->reading;
    enum { WATCHED_MAX = 64 };
    size_t series_max = r->batch || r->is_watched_by_name ? LUNA_BATCH_SERIES_MAX : WATCHED_MAX;
    if (series_max > rows->count)
        series_max = rows->count;
    rows->has_ids = r->id != LUNA_TABLE_NONE || r->watched != LUNA_TABLE_NONE;
    rows->values = luna_arena_alloc(r->arena, rows->count * sizeof *rows->values);
    if (rows->values == NULL || (rows->has_ids && !ids_init(&rows->ids, r->arena, series_max)))
        return false;
    if (r->time != LUNA_TABLE_NONE &&
        !order_init(&rows->order, r->text.at + r->text.len, r->arena, series_max))
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
        .first_line = reading_line(r, reading_first_row(r)),
        .last_line = last_place(rows)->line,
        .units_line = r->has_units ? reading_line(r, 1) : 0,
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
    if (!prepare(rows))
        return LUNA_DECODE_MEMORY;
    extract(rows);
    if (r->faults->count > 0)
        return LUNA_DECODE_FAULTS;
    return describe(rows, ret_table) ? LUNA_DECODE_OK : LUNA_DECODE_MEMORY;
}
