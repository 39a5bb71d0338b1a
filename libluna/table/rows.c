/* The rows of a table whose form is known. */
#include "reading.h"

#include <assert.h>

/* Rows that are held back until the text has ended, since the last ones may be totals, and room for
 * the one being read. */
enum { TOTALS_MAX = 3, ROWS_HELD = 8 };

/* A row that counts. */
struct row {
    const struct csv_record *record; /* of the sample, or `scanned` */
    struct csv_record scanned;
    size_t blanks, empties; /* missing observations before it: blank lines, rows without a cell */
    size_t empty_line;      /* of the first of the latter */
};

struct rows {
    struct reading *reading;
    size_t sampled;             /* rows of the sample that have been read */
    struct row held[ROWS_HELD]; /* of row i: held[i % ROWS_HELD] */
    struct csv_field *room;     /* [ROWS_HELD][CSV_COLUMNS_MAX]; NULL: no row is below the sample */
    size_t placed, taken;       /* rows that have been read, and their cells */
    size_t count;               /* of data, blank lines at the end left out */
    size_t totals_line;
    bool is_loose;                                 /* one blank line before every row */
    struct luna_faults *form_faults, *cell_faults; /* the latter are listed behind the former */
    struct cells cells;
};

static struct row *row_at(struct rows *rows, size_t index)
{
    return &rows->held[index % ROWS_HELD];
}

static const struct row *last_row(const struct rows *rows)
{
    assert(rows->placed > 0);
    return &rows->held[(rows->placed - 1) % ROWS_HELD];
}

/* The record of the next row; first those of the sample. */
static bool next_record(struct rows *rows, struct row *next)
{
    struct reading *r = rows->reading;
    if (rows->sampled < r->sample.rows) {
        next->record = &r->sample.records[rows->sampled++];
        return true;
    }
    if (rows->room == NULL) /* the sample has them all */
        return false;
    next->scanned.fields = rows->room + rows->placed % ROWS_HELD * CSV_COLUMNS_MAX;
    if (!csv_scan_record(&r->scan, &next->scanned))
        return false;
    next->record = &next->scanned;
    return true;
}

/* A blank line is a missing observation when there is one column, unless nothing follows. With more
 * columns, and between records of NDJSON, it means nothing. */
static size_t count_blanks(const struct rows *rows, const struct csv_record *record)
{
    const struct reading *r = rows->reading;
    return r->sample.columns == 1 && !r->options->is_records ? record->blanks : 0;
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

/* Totals below the data are no observations. */
static void leave_out_totals(struct rows *rows)
{
    struct reading *r = rows->reading;
    enum total total = TOTAL_YES;
    for (size_t left = TOTALS_MAX; rows->placed > 1 && left > 0 && total == TOTAL_YES; left--) {
        const struct row *last = last_row(rows);
        /* A row of another width is a fault already. */
        if (last->record->count < r->sample.columns)
            return;
        total = reading_total(r, last->record);
        if (total == TOTAL_PERHAPS)
            reading_fault_syntax(
                r, last->record->at, last->record->line,
                "this may be a total, by its label or for lack of one; remove the line, or "
                "the column of labels");
        if (total != TOTAL_YES)
            return;
        rows->totals_line = last->record->line;
        rows->count -= last->blanks + last->empties + 1;
        rows->placed--;
    }
}

/* Nothing but delimiters and blanks. At the end of one column it means nothing, as a blank line. */
static bool is_empty_row(const struct rows *rows, const struct csv_record *record)
{
    char first = *record->at; /* an empty field in quotes was meant */
    if ((!csv_is_blank(first) && first != rows->reading->delimiter) ||
        rows->reading->options->is_records)
        return false;
    for (size_t i = 0; i < record->count; i++) {
        if (csv_trim(record->fields[i]).len > 0)
            return false;
    }
    return true;
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

/* The next row that is held, whose place becomes free. */
static void take_row(struct rows *rows)
{
    const struct row *row = row_at(rows, rows->taken++);
    if (row->blanks > 0)
        cells_take_blanks(&rows->cells, row->blanks);
    for (size_t i = 0; i < row->empties; i++)
        cells_take(&rows->cells, &(struct csv_record){.line = row->empty_line});
    cells_take(&rows->cells, row->record);
}

/* A row that counts; returns the place of the next one. */
static struct row *place(struct rows *rows, const struct row *row)
{
    size_t gap = row->blanks + row->empties;
    if (rows->is_loose)
        rows->is_loose = gap == (rows->placed > 0 || rows->reading->has_header);
    rows->count += gap + 1;
    rows->placed++;
    if (rows->placed - rows->taken == ROWS_HELD)
        take_row(rows);
    struct row *next = row_at(rows, rows->placed);
    next->blanks = next->empties = 0;
    return next;
}

/* No row after this one could make the series valid. */
static bool is_enough(const struct rows *rows)
{
    return rows->count > rows->reading->points_max || rows->form_faults->more;
}

static void check_width(struct rows *rows, const struct csv_record *record)
{
    struct reading *r = rows->reading;
    if (record->count == r->sample.columns || has_width(record, r->sample.columns))
        return;
    r->faults = rows->form_faults;
    reading_fault_width(r, record);
    r->faults = rows->cell_faults;
}

/* What is wrong with the end of the rows, behind which nothing follows. */
static void check_end(struct rows *rows, const struct row *next)
{
    struct reading *r = rows->reading;
    if (r->sample.columns > 1 && next->empties > 0)
        reading_fault_syntax(r, next->record->at, next->record->line,
                             "the last row is empty; remove it, or write NA if an observation is "
                             "missing");
    else if (r->sample.columns > 1)
        leave_out_totals(rows);
}

/* All rows, of which the last ones are held. False when the text is not CSV at all. */
static bool read_rows(struct rows *rows)
{
    struct reading *r = rows->reading;
    struct row *next = row_at(rows, 0);
    r->faults = rows->cell_faults;
    while (!is_enough(rows) && next_record(rows, next)) {
        const struct csv_record *record = next->record;
        check_width(rows, record);
        if (record->blanks > 0)
            next->blanks += count_blanks(rows, record);
        if (!is_empty_row(rows, record))
            next = place(rows, next);
        else if (next->empties++ == 0)
            next->empty_line = record->line;
    }
    r->faults = rows->form_faults;
    /* Only the last row of all can be a total: not the one at which the limit ended the loop. */
    bool more = next_record(rows, next);
    if (!more && r->scan.problem != NULL) {
        reading_fault_syntax(r, r->scan.at, r->scan.line, r->scan.problem);
        return false;
    }
    if (!more)
        check_end(rows, next);
    if (rows->placed > 0)
        reading_check_totals(r, last_row(rows)->record->line);
    return true;
}

/* The cells of the rows that are still held. */
static void take_rest(struct rows *rows)
{
    struct reading *r = rows->reading;
    r->faults = rows->cell_faults;
    while (rows->taken < rows->placed)
        take_row(rows);
    cells_end(&rows->cells);
    r->faults = rows->form_faults;
    luna_faults_join(r->faults, rows->cell_faults);
}

static bool prepare(struct rows *rows)
{
    const struct reading *r = rows->reading;
    size_t rows_max = 1 + text_line_ends(&r->text);
    bool goes_on = r->sample.rows == SAMPLE_ROWS;
    if (goes_on)
        rows->room = luna_arena_alloc(r->arena, ROWS_HELD * CSV_COLUMNS_MAX * sizeof *rows->room);
    return (!goes_on || rows->room != NULL) &&
           cells_init(&rows->cells, rows->reading,
                      rows_max < r->points_max ? rows_max : r->points_max);
}

/* NULL without a column of times. */
static const char *copy_time(const struct reading *r, const struct csv_record *record)
{
    if (r->time == LUNA_TABLE_NONE)
        return NULL;
    struct csv_field time = csv_trim(csv_record_field(record, (size_t)r->time));
    return luna_arena_strndup(r->arena, time.at, time.len);
}

static bool describe(struct rows *rows, struct luna_table *ret_table)
{
    const struct reading *r = rows->reading;
    const struct csv_record *first = &r->sample.records[reading_first_row(r)];
    const struct csv_record *last = last_row(rows)->record;
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
        .first_line = first->line,
        .last_line = last->line,
        .units_line = r->has_units ? r->sample.records[1].line : 0,
        .totals_line = rows->totals_line,
        .rows = rows->count,
        .missing = rows->cells.missing,
        .first_time = copy_time(r, first),
        .last_time = copy_time(r, last),
    };
    if (r->time != LUNA_TABLE_NONE &&
        (ret_table->first_time == NULL || ret_table->last_time == NULL))
        return false;
    return cells_split(&rows->cells, ret_table);
}

enum luna_decode_status reading_take_rows(struct reading *r, struct luna_table *ret_table)
{
    struct luna_faults cell_faults;
    struct rows rows = {.reading = r,
                        .sampled = reading_first_row(r),
                        .is_loose = true,
                        .form_faults = r->faults,
                        .cell_faults = &cell_faults};
    luna_faults_init(&cell_faults, r->arena);
    if (!prepare(&rows))
        return LUNA_DECODE_MEMORY;
    if (!read_rows(&rows))
        return LUNA_DECODE_FAULTS;
    enum luna_decode_status length = check_length(&rows);
    if (length != LUNA_DECODE_OK)
        return length;
    take_rest(&rows);
    if (r->faults->count > 0)
        return LUNA_DECODE_FAULTS;
    return describe(&rows, ret_table) ? LUNA_DECODE_OK : LUNA_DECODE_MEMORY;
}
