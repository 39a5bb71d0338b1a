/*
 * time_cell.h: the times of a table, as far as their order needs them. Private to this library.
 *
 * Times are not converted to instants for a model: they are recognised, so that they are not taken
 * for observations, and compared, so that rows in a wrong order are found.
 */
#ifndef LUNA_TABLE_TIME_CELL_H
#define LUNA_TABLE_TIME_CELL_H

#include "csv_scan.h"

struct time_cell {
    /* Days and seconds in the order of time. Of 3/4/2020, whose day may be the 3rd or the 4th,
     * both. */
    double key;
    double key_month_first;
    bool is_month_possible, is_day_possible; /* first: the month, the day */
};

/* One whose day and month cannot be mistaken for each other. */
static inline struct time_cell time_cell_of(double key)
{
    return (struct time_cell){
        .key = key, .key_month_first = key, .is_month_possible = true, .is_day_possible = true};
}

/* A date or a time: ISO 8601 and its like (2020-01-02T03:04Z, 2020/1, 2020M01, 2020-Q1, 2020-W05),
 * 31.12.2020, 12/31/2020, 31-Dec-2020, Dec 2020. Plain numbers are not times here. The field has no
 * surrounding blanks. */
bool time_cell_is(struct csv_field field);

/* The month and the year of the last usual times, which those of the next row mostly have too. */
struct time_month {
    char text[8];    /* "2020-01-" */
    int days_before; /* from 1970-01-01 to the day before its first */
    char named[9];   /* the same of "-Jan-2020" */
    int named_days_before;
    char year_text[4]; /* "2020" */
    struct time_year {
        int days_before;
        bool is_leap;
    } year;
};

#define TIME_MONTH_FIRST                                                                           \
    ((struct time_month){.text = "1970-01-",                                                       \
                         .days_before = -1,                                                        \
                         .named = "-Jan-1970",                                                     \
                         .named_days_before = -1,                                                  \
                         .year_text = "1970",                                                      \
                         .year = {-1, false}})

/* The same with blanks; faster for times in order. */
bool time_cell_read_next(struct time_month *month, struct csv_field field,
                         struct time_cell *ret_time);

#endif
