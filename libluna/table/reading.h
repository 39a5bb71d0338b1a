/*
 * reading.h: one table on its way from bytes to series. Private to this library.
 */
#ifndef LUNA_TABLE_READING_H
#define LUNA_TABLE_READING_H

#include "cell.h"
#include "ids.h"
#include "luna/table/table.h"
#include "order.h"
#include "sample.h"
#include "text.h"

struct reading {
    const struct luna_table_options *options;
    bool batch;
    size_t points_max;
    struct luna_arena *arena;
    struct luna_faults *faults;
    struct text text;
    char delimiter;
    struct csv_scan scan; /* behind the sample */
    struct sample sample;
    bool has_header, has_units;
    struct luna_table_column *columns; /* [sample.columns] */
    /* Indices of columns, or LUNA_TABLE_NONE. `watched` may hold ids that nobody has named: more
     * than one of them is a fault. */
    int value, time, id, watched;
    bool is_watched_by_name;
    struct markers markers;
    struct number_style style; /* of the column of values */
    /* No number of the sample has a mark, and the decimal one may be a comma: 1.234 is unsure. */
    bool is_point_unsure;
};

/* The row of the sample in which the data begin. */
static inline size_t reading_first_row(const struct reading *reading)
{
    return (size_t)reading->has_header + reading->has_units;
}

/* Nobody has given the column a use. */
static inline bool reading_is_free(const struct reading *reading, int column)
{
    return column != reading->value && column != reading->time && column != reading->id;
}

/* A field's text, in which doubled quotes are single. at is NULL: out of memory. */
struct csv_field reading_unquote(const struct reading *reading, struct csv_field field);
/* The same as luna_faults_quote() makes it. */
const char *reading_quote(const struct reading *reading, struct csv_field field);

/* Adds a fault at ["body", column] whose hint is the printed text. */
void reading_fault(struct reading *reading, int column, const char *type, const char *msg,
                   const char *hint);

/* What is no CSV, at a byte and a line of the text. */
void reading_fault_syntax(struct reading *reading, const char *at, size_t line,
                          const char *problem);
/* A record that is narrower or wider than the table. */
void reading_fault_width(struct reading *reading, const struct csv_record *record);

/* The columns of the values, times and ids. False: there are faults. */
bool reading_choose(struct reading *reading);
/* The rows are of several series, by a column that holds these labels. */
void reading_fault_series(struct reading *reading, int column, struct csv_field one,
                          struct csv_field other);
/* False: labels in turn name several series, which is a fault. */
bool reading_check_turns(struct reading *reading);
/* The column that may tell two lines of the sample apart, as a client names it; "NAME": none. */
const char *reading_name_apart(const struct reading *reading, size_t line, size_t other_line);
/* How the numbers of the chosen column are written. False: there are faults. */
bool reading_find_style(struct reading *reading);

/* The first number with a point, while is_point_unsure: a fault, or the point is decimal. */
void reading_check_point(struct reading *reading, struct csv_field field);

/* A number that programs write for a missing observation, far from all others of its series, is a
 * fault, unless the options say what such numbers are. */
void reading_check_fills(struct reading *reading, const struct luna_table *table);

/* What is wrong with a field of the column of values, and how to fix it. */
void reading_fault_cell(struct reading *reading, struct csv_field field, enum cell cell, size_t row,
                        size_t line);

/* The cells of the chosen columns, row by row. Their faults are those of the reading. */
struct cells {
    struct reading *reading;
    const struct csv_record *record; /* the one being taken */
    double *values;                  /* [count_max], of which `count` are set */
    uint32_t *owners;                /* [count_max] the series of each; NULL: there is only one */
    size_t count, count_max, missing;
    struct ids ids;
    bool has_ids;
    struct order order;
    bool is_stopped; /* by a fault that all later rows may repeat, or by too many */
};

/* False: out of memory. */
bool cells_init(struct cells *cells, struct reading *reading, size_t count_max)
    __attribute__((warn_unused_result));
void cells_take(struct cells *cells, const struct csv_record *record);
/* Missing observations. */
void cells_take_blanks(struct cells *cells, size_t count);
/* What only the cells of all rows tell. */
void cells_end(struct cells *cells);
/* The rows of each series side by side, in their order. False: out of memory. */
bool cells_split(struct cells *cells, struct luna_table *table) __attribute__((warn_unused_result));

enum total { TOTAL_NO, TOTAL_PERHAPS, TOTAL_YES };

/* Is a last row a total? One with a time is an observation, and an id names a series, whatever
 * they say. The record has the table's width. */
enum total reading_total(const struct reading *reading, const struct csv_record *record);

/* A row of the sample, up to a line, that its label calls a total is a fault. */
void reading_check_totals(struct reading *reading, size_t last_line);

/* The series, when the form of the table is known. */
enum luna_decode_status reading_take_rows(struct reading *reading, struct luna_table *ret_table)
    __attribute__((warn_unused_result));

#endif
