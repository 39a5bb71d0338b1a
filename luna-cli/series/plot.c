#include "series/plot.h"

#include "luna/modelling/number.h"
#include "terminal/canvas.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    COLUMNS_DEFAULT = 80,
    ROWS_DEFAULT = 24,
    COLUMNS_MAX = 400,
    ROWS_MAX = 100,
    COLUMNS_MIN = 30,
    ROWS_MIN = 8,
    ROWS_AROUND = 4,    /* the legend, the axis, its numbers, and the prompt after them */
    ROWS_OF_A_TICK = 4, /* about */
    TICKS_MAX = 64,
    /* A tick is a multiple of a round step, so digits beyond these are rounding errors. */
    TICK_DIGITS = 12,
    TICK_BYTES = LUNA_NUMBER_TEXT_BYTES,
    COLUMNS_OF_AN_X_TICK = 14
};

/* How far the axis follows the bounds of the interval beyond the data, as a part of the data's
 * range: the bounds of a long forecast would flatten everything else. */
static const double bounds_share = 0.5;

struct range {
    double low, high;
};

struct plot {
    const struct luna_request *request;
    const struct luna_result *result;
    struct plot_frame frame;
    struct canvas canvas;
    struct range range;
    double step; /* between two ticks of the vertical axis */
    int margin;  /* columns of its numbers */
    struct luna_buf *out;
};

static const enum colour layer_colours[CANVAS_LAYERS] = {
    [CANVAS_SHADE] = COLOUR_FAINT,
    [CANVAS_POINTS] = COLOUR_NONE,
    [CANVAS_LINE] = COLOUR_LINE,
    [CANVAS_MORE] = COLOUR_MORE,
};

static int clamp(int value, int min, int max)
{
    return value < min ? min : value > max ? max : value;
}

struct plot_frame plot_frame_of_stdout(void)
{
    struct winsize size;
    struct plot_frame frame = {.columns = COLUMNS_DEFAULT, .rows = ROWS_DEFAULT};
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        frame = (struct plot_frame){.columns = size.ws_col, .rows = size.ws_row};
    frame.columns = clamp(frame.columns, COLUMNS_MIN, COLUMNS_MAX);
    frame.rows = clamp(frame.rows, ROWS_MIN, ROWS_MAX);
    frame.colour = colour_wanted();
    return frame;
}

/* fmin() and fmax() ignore a NaN, which is a missing value. */
static void widen(struct range *range, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            continue;
        range->low = fmin(range->low, values[i]);
        range->high = fmax(range->high, values[i]);
    }
}

static struct range measure(const struct luna_request *request, const struct luna_result *result)
{
    const struct luna_forecast *forecast = &result->forecast;
    struct range range = {INFINITY, -INFINITY}, bounds = range;
    widen(&range, request->values, request->n);
    widen(&range, result->processed, result->n);
    widen(&range, forecast->mean, forecast->horizon);
    if (!(range.low <= range.high))
        return (struct range){0, 1}; /* every value is missing */
    if (request->interval_count > 0) {
        widen(&bounds, result->lower[0], result->n);
        widen(&bounds, result->upper[0], result->n);
        widen(&bounds, forecast->lower[0], forecast->horizon);
        widen(&bounds, forecast->upper[0], forecast->horizon);
    }
    double room = range.high * bounds_share - range.low * bounds_share;
    range.low = fmin(range.low, fmax(bounds.low, range.low - room));
    range.high = fmax(range.high, fmin(bounds.high, range.high + room));
    if (range.high - range.low > 0)
        return range;
    double half = range.low != 0 ? fabs(range.low) / 10 : 1; /* a constant series */
    return (struct range){range.low - half, range.high + half};
}

/* The round number (1, 2 or 5 times a power of ten) that gives about `wanted` ticks. */
static double round_step(struct range range, int wanted)
{
    double raw = range.high / wanted - range.low / wanted;
    double power = raw > 0 ? pow(10, floor(log10(raw))) : 0;
    if (power <= 0) /* smaller than any power of ten that a double holds */
        return 1;
    double times = raw / power;
    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static int dot_of_value(const struct plot *plot, double value)
{
    const struct range *range = &plot->range;
    /* Halves, because the range of two doubles need not be a double. */
    double part = (range->high / 2 - value / 2) / (range->high / 2 - range->low / 2);
    /* Far outside is as good as just outside, and fits into an int. */
    part = fmin(fmax(part, -1), 2);
    return (int)lround(part * (plot->canvas.rows * CANVAS_DOTS_Y - 1));
}

static int dot_of_index(const struct plot *plot, size_t index)
{
    size_t last = plot->result->n + plot->result->forecast.horizon - 1;
    double part = last > 0 ? (double)index / (double)last : 0;
    return (int)lround(part * (plot->canvas.columns * CANVAS_DOTS_X - 1));
}

static void shade(struct plot *plot, const double *lower, const double *upper, size_t n,
                  size_t first)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(lower[i]) || !isfinite(upper[i]))
            continue;
        int from = dot_of_index(plot, first + i);
        int to = i + 1 < n ? dot_of_index(plot, first + i + 1) : from;
        int top = dot_of_value(plot, upper[i]), bottom = dot_of_value(plot, lower[i]);
        do /* few observations leave columns between them */
            canvas_shade(&plot->canvas, from, top, bottom);
        while (++from < to);
    }
}

/* From one value to the next; a gap where one is not defined. `before`: the value to start from,
 * just before the first; NaN: none. */
static void trace(struct plot *plot, enum canvas_layer layer, double before, const double *values,
                  size_t n, size_t first)
{
    for (size_t i = 0; i < n; before = values[i], i++) {
        if (!isfinite(values[i]))
            continue;
        int x = dot_of_index(plot, first + i), y = dot_of_value(plot, values[i]);
        if (isfinite(before))
            canvas_line(&plot->canvas, layer, dot_of_index(plot, first + i - 1),
                        dot_of_value(plot, before), x, y);
        else
            canvas_dot(&plot->canvas, layer, x, y);
    }
}

static void draw(struct plot *plot)
{
    const struct luna_result *result = plot->result;
    const struct luna_forecast *forecast = &result->forecast;
    size_t n = result->n;
    if (plot->request->interval_count > 0) {
        shade(plot, result->lower[0], result->upper[0], n, 0);
        shade(plot, forecast->lower[0], forecast->upper[0], forecast->horizon, n);
    }
    for (size_t i = 0; i < n; i++)
        if (isfinite(plot->request->values[i]))
            canvas_dot(&plot->canvas, CANVAS_POINTS, dot_of_index(plot, i),
                       dot_of_value(plot, plot->request->values[i]));
    trace(plot, CANVAS_LINE, NAN, result->processed, n, 0);
    trace(plot, CANVAS_MORE, n > 0 ? result->processed[n - 1] : (double)NAN, forecast->mean,
          forecast->horizon, n);
}

static int tick_text(double value, char out[TICK_BYTES + 1])
{
    size_t len = luna_number_print(value, TICK_DIGITS, out);
    assert(len <= TICK_BYTES);
    out[len] = '\0';
    return (int)len;
}

/* The tick in this row of cells; NaN: none. */
static double tick_in_row(const struct plot *plot, int row)
{
    double first = ceil(plot->range.low / plot->step);
    for (int i = 0; i < TICKS_MAX; i++) {
        double tick = (first + i) * plot->step;
        if (tick > plot->range.high)
            break;
        if (dot_of_value(plot, tick) / CANVAS_DOTS_Y == row)
            return tick == 0 ? 0 : tick; /* -0 prints as 0 */
    }
    return NAN;
}

/* The numbers of the vertical axis are as wide as the widest of them. */
static int measure_margin(const struct plot *plot)
{
    char text[TICK_BYTES + 1];
    int widest = 1;
    for (int row = 0; row < plot->canvas.rows; row++) {
        double tick = tick_in_row(plot, row);
        int len = isnan(tick) ? 0 : tick_text(tick, text);
        widest = len > widest ? len : widest;
    }
    return widest;
}

static void put_row(const struct plot *plot, int row)
{
    char text[TICK_BYTES + 1] = "";
    double tick = tick_in_row(plot, row);
    if (!isnan(tick))
        tick_text(tick, text);
    luna_buf_printf(plot->out, "%*s %s", plot->margin, text, isnan(tick) ? "│" : "┤");
    canvas_put_row(&plot->canvas, row, plot->frame.colour ? layer_colours : NULL, plot->out);
    luna_buf_putc(plot->out, '\n');
}

/* The observation whose number stands at this column of cells; 0: none stands there. Numbers count
 * from 1, and the step between them is round. */
static int64_t number_at(const struct plot *plot, int column)
{
    size_t total = plot->result->n + plot->result->forecast.horizon;
    int wanted = clamp(plot->canvas.columns / COLUMNS_OF_AN_X_TICK, 1, TICKS_MAX / 2);
    double step = fmax(1, round_step((struct range){0, (double)total}, wanted));
    if (column == 0)
        return 1;
    for (double number = step; number <= (double)total && number / step < TICKS_MAX; number += step)
        if (dot_of_index(plot, (size_t)number - 1) / CANVAS_DOTS_X == column)
            return (int64_t)number;
    return 0;
}

static void put_axis(const struct plot *plot)
{
    luna_buf_printf(plot->out, "%*s └", plot->margin, "");
    for (int column = 0; column < plot->canvas.columns; column++)
        luna_buf_puts(plot->out, number_at(plot, column) > 0 ? "┬" : "─");
    luna_buf_putc(plot->out, '\n');
}

static void put_numbers(const struct plot *plot)
{
    char text[TICK_BYTES + 1];
    int written = 0; /* columns */
    luna_buf_printf(plot->out, "%*s  ", plot->margin, "");
    for (int column = 0; column < plot->canvas.columns; column++) {
        int64_t number = number_at(plot, column);
        int len = number > 0 ? tick_text((double)number, text) : 0;
        /* Below its tick; at the right edge it ends there. */
        int at = column + len <= plot->canvas.columns ? column : plot->canvas.columns - len;
        if (len == 0 || (written > 0 && at <= written))
            continue;
        luna_buf_printf(plot->out, "%*s%s", at - written, "", text);
        written = at + len;
    }
    luna_buf_putc(plot->out, '\n');
}

static void put_name(const struct plot *plot, enum canvas_layer layer, const char *sign,
                     const char *name)
{
    enum colour colour = plot->frame.colour ? layer_colours[layer] : COLOUR_NONE;
    luna_buf_printf(plot->out, "  %s%s%s %s", colour_start(colour), sign, colour_end(colour), name);
}

static void put_legend(const struct plot *plot)
{
    static const char *const names[] = {[LUNA_OUTPUT_FILTERED] = "filtered",
                                        [LUNA_OUTPUT_SMOOTHED] = "smoothed",
                                        [LUNA_OUTPUT_PREDICTED] = "predicted"};
    luna_buf_printf(plot->out, "%*s", plot->margin, "");
    put_name(plot, CANVAS_POINTS, "⠂", "observed");
    put_name(plot, CANVAS_LINE, "⠤⠤", names[plot->request->output]);
    if (plot->result->forecast.horizon > 0) {
        put_name(plot, CANVAS_MORE, "⠤⠤", "forecast");
        luna_buf_printf(plot->out, " from %zu", plot->result->n + 1);
    }
    if (plot->request->interval_count > 0) {
        char text[TICK_BYTES + 1];
        tick_text(plot->request->intervals[0] * 100, text);
        put_name(plot, CANVAS_SHADE, "░", text);
        luna_buf_puts(plot->out, " % interval");
    }
    luna_buf_putc(plot->out, '\n');
}

bool plot_draw(const struct luna_request *request, const struct luna_result *result,
               struct plot_frame frame, struct luna_arena *arena, struct luna_buf *out)
{
    assert(frame.columns >= COLUMNS_MIN && frame.rows >= ROWS_MIN);
    struct plot plot = {.request = request,
                        .result = result,
                        .frame = frame,
                        .range = measure(request, result),
                        .out = out};
    int rows = frame.rows - ROWS_AROUND;
    plot.step = round_step(plot.range, clamp(rows / ROWS_OF_A_TICK, 2, TICKS_MAX / 2));
    plot.canvas.rows = rows; /* the numbers decide how many columns are left */
    plot.margin = measure_margin(&plot);
    int columns = frame.columns - plot.margin - 2;
    if (!canvas_init(&plot.canvas, columns > 1 ? columns : 1, rows, arena))
        return false;
    draw(&plot);
    put_legend(&plot);
    for (int row = 0; row < rows; row++)
        put_row(&plot, row);
    put_axis(&plot);
    put_numbers(&plot);
    return true;
}
