/*
 * order.h: do the times of each series only grow? Private to this library.
 */
#ifndef LUNA_TABLE_ORDER_H
#define LUNA_TABLE_ORDER_H

#include "csv_scan.h"
#include "luna/base/arena.h"
#include "time_cell.h"

#include <stdbool.h>
#include <stddef.h>

struct order {
    const char *text_end; /* of the text that the times are in */
    struct time_month month;
    bool was_number; /* the last time; the next one mostly is too */
    /* By the readings of 3/4/2020: the 3rd of April, and the 4th of March. One is enough. */
    bool day_first_grows, month_first_grows;
    struct order_last {
        double day_first, month_first;
        struct csv_field time;
        size_t line;
    } * last; /* [series] */
};

/* For times in the text that ends at `text_end`, numbers most likely or not. */
bool order_init(struct order *order, const char *text_end, bool are_numbers,
                struct luna_arena *arena, size_t series_max) __attribute__((warn_unused_result));

enum order_status {
    ORDER_GROWS,
    ORDER_NO_TIME,
    ORDER_MIXED, /* 2/13/2020 after times that only grow when the day comes first, or vice versa */
    ORDER_BROKEN /* not after the time in order->last[series] */
};

/* Can this be compared as a time? Numbers can. */
bool order_is_time(struct csv_field field);

/* The time of the next row of a series. */
enum order_status order_check(struct order *order, size_t series, struct csv_field time,
                              size_t line) __attribute__((warn_unused_result));

#endif
