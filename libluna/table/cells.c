/* The cells of the chosen columns: values, times and ids. */
#include "ids.h"
#include "luna/modelling/batch.h"
#include "order.h"
#include "reading.h"

#include <assert.h>
#include <math.h>
#include <string.h>

bool cells_init(struct cells *cells, struct reading *r, size_t count_max)
{
    enum { WATCHED_MAX = 64 };
    size_t series_max = r->batch || r->is_watched_by_name ? LUNA_BATCH_SERIES_MAX : WATCHED_MAX;
    if (series_max > count_max)
        series_max = count_max;
    *cells = (struct cells){.reading = r,
                            .count_max = count_max,
                            .has_ids = r->id != LUNA_TABLE_NONE || r->watched != LUNA_TABLE_NONE};
    cells->values = luna_arena_alloc(r->arena, count_max * sizeof *cells->values);
    if (cells->values == NULL || (cells->has_ids && !ids_init(&cells->ids, r->arena, series_max)))
        return false;
    if (r->time != LUNA_TABLE_NONE && !order_init(&cells->order, r->text.at + r->text.len,
                                                  r->columns[r->time].kind == LUNA_TABLE_NUMBERS,
                                                  r->arena, r->batch ? series_max : 1))
        return false;
    if (!r->batch)
        return true;
    cells->owners = luna_arena_alloc(r->arena, count_max * sizeof *cells->owners);
    return cells->owners != NULL;
}

static struct csv_field field_at(const struct cells *cells, int column)
{
    return csv_record_field(cells->record, (size_t)column);
}

static const char *hint_time(const struct cells *cells, size_t series, enum order_status status)
{
    const struct reading *r = cells->reading;
    const char *time = reading_quote(r, field_at(cells, r->time));
    const struct order_last *before = &cells->order.last[series];
    if (status == ORDER_BROKEN)
        return luna_arena_printf(
            r->arena,
            "line %zu: \"%s\" does not come after \"%s\" on line %zu; sort the rows by "
            "time, oldest first; if the table has several series, name the column that tells them "
            "apart: id_column=%s; time_column= (empty) leaves the times unread",
            cells->record->line, time, reading_quote(r, before->time), before->line,
            reading_name_apart(r, cells->record->line, before->line));
    return luna_arena_printf(
        r->arena,
        status == ORDER_MIXED
            ? "line %zu: \"%s\" has another order of day and month than rows above; write "
              "all times as 2020-12-31; time_column= (empty) leaves the times unread"
            : "line %zu: \"%s\" is not a time; if the line is a total or a remark, remove it; "
              "time_column= (empty) leaves the times unread",
        cells->record->line, time);
}

/* Faults of times repeat from row to row: the first one ends the pass. */
__attribute__((noinline)) static void fault_time(struct cells *cells, size_t series,
                                                 enum order_status status)
{
    static const char *const msgs[] = {
        [ORDER_NO_TIME] = "Value error, a time is missing or cannot be read",
        [ORDER_MIXED] = "Value error, the day comes first in some times and the month in others",
        [ORDER_BROKEN] = "Value error, the times do not grow from row to row"};
    struct reading *r = cells->reading;
    assert(status != ORDER_GROWS);
    reading_fault(r, r->time, "value_error", msgs[status], hint_time(cells, series, status));
    cells->is_stopped = true;
}

static void take_time(struct cells *cells, size_t series)
{
    struct csv_field time = field_at(cells, cells->reading->time);
    enum order_status status = order_check(&cells->order, series, time, cells->record->line);
    if (status != ORDER_GROWS)
        fault_time(cells, series, status);
}

static void fault_ids(struct cells *cells, enum ids_status status)
{
    struct reading *r = cells->reading;
    const struct csv_field *ids = cells->ids.list;
    int column = r->id != LUNA_TABLE_NONE ? r->id : r->watched;
    cells->is_stopped = true;
    if (status == IDS_FULL && r->batch) {
        reading_fault(r, column, "too_long",
                      luna_arena_printf(r->arena, "The table should have at most %d series",
                                        LUNA_BATCH_SERIES_MAX),
                      "send fewer series in one request");
        return;
    }
    assert(cells->ids.count > 1);
    reading_fault_series(r, column, ids[0], ids[1]);
}

/* An id in the first row of each series only, as merged cells are saved. */
static void fault_no_id(struct cells *cells)
{
    struct reading *r = cells->reading;
    reading_fault(r, r->id, "value_error", "Value error, an id is missing",
                  luna_arena_printf(r->arena,
                                    "line %zu: write the id of the series on every row; id_column= "
                                    "(empty) if the column holds no ids",
                                    cells->record->line));
    cells->is_stopped = true;
}

__attribute__((noinline)) static size_t take_id(struct cells *cells)
{
    struct reading *r = cells->reading;
    size_t series = 0;
    if (r->id == LUNA_TABLE_NONE) {
        if (!ids_watch(&cells->ids, csv_trim(field_at(cells, r->watched)), r->is_watched_by_name))
            cells->has_ids = false;
        return 0;
    }
    struct csv_field id = csv_trim(field_at(cells, r->id));
    if (id.len == 0) {
        fault_no_id(cells);
        return 0;
    }
    enum ids_status status = ids_find(&cells->ids, id, &series);
    if (status == IDS_FULL || (!r->batch && series > 0))
        fault_ids(cells, status);
    return status == IDS_OK ? series : 0;
}

/* Not inlined: the usual number is read without its registers. */
__attribute__((noinline)) static void take_unusual_value(struct cells *cells,
                                                         struct csv_field field, size_t row)
{
    struct reading *r = cells->reading;
    enum cell cell = cell_read(field, r->style, &cells->values[row]);
    if (r->is_point_unsure && field.len > 0 && memchr(field.at, '.', field.len) != NULL)
        reading_check_point(r, field);
    if (cell == CELL_TEXT &&
        cell_mark(field) == (r->style.decimal == '.' ? MARK_POINT_GROUPED : MARK_COMMA_GROUPED)) {
        r->style.groups = true; /* the first number above 999 */
        cell = cell_read(field, r->style, &cells->values[row]);
    }
    if ((cell == CELL_TEXT || cell == CELL_RANGE) && markers_have(&r->markers, field)) {
        cells->values[row] = (double)NAN;
        cell = CELL_MISSING;
    }
    cells->missing += cell == CELL_MISSING;
    if (cell == CELL_TEXT || cell == CELL_RANGE)
        reading_fault_cell(r, field, cell, row, cells->record->line);
    cells->is_stopped = r->faults->more;
}

static void take_value(struct cells *cells)
{
    const struct reading *r = cells->reading;
    struct csv_field field = field_at(cells, r->value);
    size_t row = cells->count++;
    if (r->style.decimal != '.' || r->is_point_unsure ||
        !cell_read_plain(field, r->text.at + r->text.len, &cells->values[row]))
        take_unusual_value(cells, field, row);
}

void cells_take(struct cells *cells, const struct csv_record *record)
{
    const struct reading *r = cells->reading;
    if (cells->is_stopped)
        return;
    assert(cells->count < cells->count_max);
    cells->record = record;
    size_t series = cells->has_ids ? take_id(cells) : 0;
    if (cells->owners != NULL)
        cells->owners[cells->count] = (uint32_t)series;
    if (cells->is_stopped)
        return;
    take_value(cells);
    if (r->time != LUNA_TABLE_NONE)
        take_time(cells, series);
}

void cells_take_blanks(struct cells *cells, size_t count)
{
    if (cells->is_stopped)
        return;
    assert(count <= cells->count_max - cells->count);
    cells->missing += count;
    for (; count > 0; count--) {
        if (cells->owners != NULL) /* the series of the row above; for the first row, its own */
            cells->owners[cells->count] = (uint32_t)cells->ids.last;
        cells->values[cells->count++] = (double)NAN;
    }
}

/* Numbers are compared when all are read: most tables have no markers. */
static void take_out_markers(struct cells *cells)
{
    for (size_t i = 0; i < cells->count; i++) {
        if (!markers_have_number(&cells->reading->markers, cells->values[i]))
            continue;
        cells->values[i] = (double)NAN;
        cells->missing++;
    }
}

void cells_end(struct cells *cells)
{
    if (cells->reading->markers.count > 0)
        take_out_markers(cells);
    if (cells->has_ids && cells->reading->id == LUNA_TABLE_NONE && cells->ids.count > 1 &&
        cells->ids.recurs && !cells->is_stopped)
        fault_ids(cells, IDS_OK);
}

bool cells_split(struct cells *cells, struct luna_table *table)
{
    struct reading *r = cells->reading;
    size_t count = cells->owners != NULL ? cells->ids.count : 1;
    struct luna_table_series *list = luna_arena_calloc(r->arena, count, sizeof *list);
    if (list == NULL)
        return false;
    table->series = list;
    table->series_count = count;
    list[0] = (struct luna_table_series){.values = cells->values, .n = cells->count};
    if (r->id != LUNA_TABLE_NONE) {
        for (size_t i = 0; i < count; i++) {
            struct csv_field id = reading_unquote(r, cells->ids.list[i]);
            list[i].id = id.at != NULL ? luna_arena_strndup(r->arena, id.at, id.len) : NULL;
            if (list[i].id == NULL)
                return false;
        }
    }
    if (count == 1)
        return true;
    double *values = luna_arena_alloc(r->arena, cells->count * sizeof *values);
    if (values == NULL)
        return false;
    list[0].n = 0;
    for (size_t row = 0; row < cells->count; row++)
        list[cells->owners[row]].n++;
    for (size_t i = 0; i < count; i++) {
        list[i].values = values;
        values += list[i].n;
        list[i].n = 0;
    }
    for (size_t row = 0; row < cells->count; row++) {
        struct luna_table_series *series = &list[cells->owners[row]];
        series->values[series->n++] = cells->values[row];
    }
    return true;
}
