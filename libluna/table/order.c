#include "order.h"

#include "cell.h"

#include <math.h>

bool order_init(struct order *order, const char *text_end, bool are_numbers,
                struct luna_arena *arena, size_t series_max)
{
    *order = (struct order){.text_end = text_end,
                            .month = TIME_MONTH_FIRST,
                            .was_number = are_numbers,
                            .day_first_grows = true,
                            .month_first_grows = true};
    order->last = luna_arena_alloc(arena, series_max * sizeof *order->last);
    for (size_t i = 0; order->last != NULL && i < series_max; i++)
        order->last[i] = (struct order_last){-HUGE_VAL, -HUGE_VAL, {NULL, 0}, 0};
    return order->last != NULL;
}

static bool number_read(struct csv_field field, struct time_cell *ret_time)
{
    static const struct number_style plain = {'.', false};
    double number = 0;
    if (cell_read(field, plain, &number) != CELL_NUMBER)
        return false;
    *ret_time = time_cell_of(number);
    return true;
}

bool order_is_time(struct csv_field field)
{
    struct time_cell time;
    return time_cell_is(csv_trim(field)) || number_read(field, &time);
}

static bool time_read(struct order *order, struct csv_field field, struct time_cell *ret_time)
{
    double number = 0;
    if (order->was_number &&
        (cell_read_whole(field, &number) || cell_read_plain(field, order->text_end, &number))) {
        *ret_time = time_cell_of(number);
        return true;
    }
    order->was_number = false;
    if (time_cell_read_next(&order->month, field, ret_time))
        return true;
    order->was_number = number_read(field, ret_time);
    return order->was_number;
}

enum order_status order_check(struct order *order, size_t series, struct csv_field field,
                              size_t line)
{
    struct order_last *last = &order->last[series];
    struct time_cell time;
    if (!time_read(order, field, &time))
        return ORDER_NO_TIME;
    bool day_first = order->day_first_grows && time.is_day_possible;
    bool month_first = order->month_first_grows && time.is_month_possible;
    if (!day_first && !month_first)
        return ORDER_MIXED;
    order->day_first_grows = day_first && time.key > last->day_first;
    order->month_first_grows = month_first && time.key_month_first > last->month_first;
    if (!order->day_first_grows && !order->month_first_grows)
        return ORDER_BROKEN;
    *last = (struct order_last){time.key, time.key_month_first, field, line};
    return ORDER_GROWS;
}
