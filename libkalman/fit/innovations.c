#include "fit/innovations.h"

#include "model/arima.h"
#include "model/series_check.h"
#include "numeric/dense.h"
#include "numeric/expect.h"
#include "numeric/lag_polynomial.h"

#include <math.h>
#include <string.h>

enum { width_min = 3 };

/* Lags that the differences take. */
static size_t lags_of(const struct spec_layout *layout)
{
    return layout_setting(layout, SETTING_DIFFERENCES) +
           layout_setting(layout, SETTING_PERIOD) *
               layout_setting(layout, SETTING_SEASONAL_DIFFERENCES);
}

size_t innovations_width(const struct spec_layout *layout)
{
    size_t period = layout_setting(layout, SETTING_PERIOD), width = 0;
    size_t q = layout_setting(layout, SETTING_MA_ORDER),
           Q = layout_setting(layout, SETTING_SEASONAL_MA_ORDER);
    bool ar = layout_setting(layout, SETTING_AR_ORDER) +
                  layout_setting(layout, SETTING_SEASONAL_AR_ORDER) >
              0;
    if (layout->info->kind == KALMAN_EXPONENTIAL_SMOOTHING && period > 1)
        width = 1 + layout_setting(layout, SETTING_TREND) + period;
    else if (layout->info->kind == KALMAN_ARIMA && !ar && (q + 1) * (Q + 1) < 60)
        width = q + period * Q;
    return width >= width_min ? width : 0;
}

/* Rows and columns of Z'Z: those of the start, the mean, the gaps and r. */
static size_t size_with(size_t width, bool mean, size_t gaps)
{
    return width + (mean ? 1 : 0) + gaps + 1;
}

size_t innovations_doubles(const struct spec_layout *layout, size_t count)
{
    size_t width = innovations_width(layout), most = gaps_served(width);
    size_t size = size_with(width, true, most);
    return width == 0 ? 0
                      : count + (5 + most) * width + size * (size + 2) + most + 2 +
                            gaps_doubles(lags_of(layout));
}

static void bind_workspace(struct innovations *f, size_t count, double *workspace)
{
    size_t width = f->width;
    f->values = workspace;
    f->row = workspace + count;
    f->first = f->row + width;
    f->state = f->first + width;
    f->mean = f->state + width;
    f->design = f->mean + width;
    f->gap_states = f->design + width;
    f->extra = f->gap_states + f->gaps.count * width;
    f->column = f->extra + f->gaps.count + 2;
    f->diagonal = f->column + f->size;
    f->gram = f->diagonal + f->size;
}

void innovations_prepare(struct innovations *f, const struct spec_layout *layout,
                         const struct kalman_series *series, double *workspace)
{
    size_t width = innovations_width(layout), period = layout_setting(layout, SETTING_PERIOD);
    *f = (struct innovations){.width = 0};
    if (width == 0 || !series_is_plain(series))
        return;
    memcpy(workspace, series->values, series->count * sizeof(double));
    if (!gaps_fill(&f->gaps, workspace, series->count, period, gaps_served(width)) ||
        series->count <= lags_of(layout) + width + f->gaps.count + 2)
        return;
    f->width = width;
    f->is_season = layout->info->kind == KALMAN_EXPONENTIAL_SMOOTHING;
    f->head = f->is_season ? 1 + layout_setting(layout, SETTING_TREND) : 0;
    f->has_mean = !f->is_season && layout_setting(layout, SETTING_MEAN) > 0;
    f->size = size_with(width, f->has_mean, f->gaps.count);
    bind_workspace(f, series->count, workspace);
    /* of exponential smoothing, which has no such settings, none */
    size_t plain = layout_setting(layout, SETTING_DIFFERENCES),
           seasonal = layout_setting(layout, SETTING_SEASONAL_DIFFERENCES);
    f->count = lag_differences_of(f->values, series->count, plain, seasonal, period);
    gaps_difference(&f->gaps, plain, seasonal, period, f->gram + f->size * f->size);
}

/* z and g at these parameters, and the rows that do not only move along. */
static void load(struct innovations *f, const struct spec_layout *layout,
                 const struct kalman_spec *spec)
{
    size_t last = f->width - 1;
    memset(f->design, 0, f->width * sizeof(double));
    f->gamma = 1;
    f->damping = 1;
    if (f->is_season) {
        f->alpha = layout_value(layout, spec, PARAMETER_ALPHA);
        f->beta = layout_value(layout, spec, PARAMETER_BETA);
        f->gamma = layout_value(layout, spec, PARAMETER_GAMMA);
        if (layout_setting(layout, SETTING_DAMPED) > 0)
            f->damping = layout_value(layout, spec, PARAMETER_DAMPING);
        f->design[0] = f->design[last] = 1;
        if (f->head > 1)
            f->design[1] = f->damping;
    } else {
        arima_ma(layout, spec, f->design);
    }
    f->place_count = 0;
    for (size_t k = 0; k <= last; k++)
        if (f->design[k] != 0 || k == last)
            f->places[f->place_count++] = k;
}

/* z_{t+1} = F'z_t - z g'z_t */
static void move_row(struct innovations *f)
{
    double *x = f->row, along = f->gamma * x[f->head], front = x[f->head];
    size_t head = f->head, last = f->width - 1;
    if (head > 0)
        along += f->alpha * x[0];
    if (head > 1) {
        along += f->beta * x[1];
        x[1] = f->damping * (x[0] + x[1]);
    }
    memmove(x + head, x + head + 1, (last - head) * sizeof(double));
    x[last] = f->is_season ? front : 0;
    for (size_t k = 0; k < f->place_count; k++)
        x[f->places[k]] -= f->design[f->places[k]] * along;
}

/* The innovation at this state, and the state after it. */
static double move_state(const struct innovations *f, double y, double *a)
{
    size_t head = f->head, last = f->width - 1;
    double e = y, back = a[last];
    for (size_t k = 0; k < f->place_count; k++)
        e -= f->design[f->places[k]] * a[f->places[k]];
    if (head > 1) {
        a[0] += f->damping * a[1];
        a[1] = f->damping * a[1] + f->beta * e;
    }
    if (head > 0)
        a[0] += f->alpha * e;
    memmove(a + head + 1, a + head, (last - head) * sizeof(double));
    a[head] = (f->is_season ? back : 0) + f->gamma * e;
    return e;
}

/* A start near the data, so that r_t is of the size of the innovations: the first season about its
 * mean. */
static void start_state(struct innovations *f)
{
    size_t last = f->width - 1, period = f->width - f->head;
    double mean = 0;
    memset(f->state, 0, f->width * sizeof(double));
    memset(f->mean, 0, f->width * sizeof(double));
    if (!f->is_season)
        return;
    for (size_t t = 0; t < period; t++)
        mean += f->values[t] / (double)period;
    f->state[0] = mean;
    for (size_t t = 0; t < period; t++)
        f->state[last - t] = f->values[t] - mean;
}

/* What the mean, each gap that has come, and the data are in the innovations at t. Returns how many
 * gaps have come. */
static size_t respond(struct innovations *f, size_t come, size_t t)
{
    double *extra = f->extra;
    if (f->has_mean)
        *extra++ = move_state(f, 1, f->mean);
    come = gaps_before(&f->gaps, come, t);
    for (size_t k = 0; k < come; k++)
        extra[k] = move_state(f, gaps_effect(&f->gaps, k, t), f->gap_states + k * f->width);
    extra[f->gaps.count] = move_state(f, f->values[t], f->state);
    return come;
}

/* Adds the responses' products with the row of the start, and with each other. */
static void add_responses(struct innovations *f)
{
    size_t width = f->width;
    for (size_t i = 0; width + i < f->size; i++) {
        double *sums = f->gram + (width + i) * f->size;
        if (f->extra[i] == 0)
            continue;
        dense_add_scaled(f->extra[i], f->row, width, sums);
        dense_add_scaled(f->extra[i], f->extra, i + 1, sums + width);
    }
}

/* The rows of Z'Z that are summed directly; below them those of the mean, of the gaps and of r. */
static bool sum_rows(struct innovations *f, struct cancel_check *cancel)
{
    size_t width = f->width, come = 0;
    memset(f->gram, 0, f->size * f->size * sizeof(double));
    memset(f->extra, 0, (f->size - width) * sizeof(double));
    memset(f->gap_states, 0, f->gaps.count * width * sizeof(double));
    memcpy(f->row, f->design, width * sizeof(double));
    memcpy(f->first, f->design, width * sizeof(double));
    start_state(f);
    for (size_t t = 0; t < f->count; t++) {
        if (cancel_poll(cancel, width * (f->place_count + 4 + 2 * come)))
            return false;
        come = respond(f, come, t);
        for (size_t k = 0; k < f->place_count; k++)
            dense_add_scaled(f->row[f->places[k]], f->row, width, f->gram + f->places[k] * f->size);
        add_responses(f);
        if (t + 1 < f->count)
            move_row(f);
    }
    return true;
}

/* The rest of the lower triangle: z_t,i = z_{t-1},i+1, so the sums differ by their ends. */
static void fill_along(struct innovations *f)
{
    size_t width = f->width, stride = f->size;
    bool direct[KALMAN_STATES_MAX] = {false};
    for (size_t k = 0; k < f->place_count; k++)
        direct[f->places[k]] = true;
    for (size_t i = width; i-- > 0;)
        for (size_t j = i + 1; !direct[i] && j-- > 0;)
            f->gram[i * stride + j] = direct[j] ? f->gram[j * stride + i]
                                                : f->gram[(i + 1) * stride + j + 1] +
                                                      f->first[i] * f->first[j] -
                                                      f->row[i + 1] * f->row[j + 1];
}

/* A season sums to zero: its last element is minus the sum of the others, and goes. */
static void contrast_season(struct innovations *f)
{
    size_t last = f->width - 1, stride = f->size;
    const double *row = f->gram + last * stride;
    for (size_t i = 0; i < last; i++)
        for (size_t j = 0; j <= i; j++) {
            double *g = &f->gram[i * stride + j];
            *g -= (i >= f->head ? row[j] : 0) + (j >= f->head ? row[i] : 0) -
                  (i >= f->head && j >= f->head ? row[last] : 0);
        }
    for (size_t i = f->width; i < f->size; i++) {
        double *sums = f->gram + i * stride;
        for (size_t j = f->head; j < last; j++)
            sums[j] -= sums[last];
    }
}

/* Moves the rows that count together, over a season's last element. Returns how many. */
static size_t close_up(struct innovations *f)
{
    size_t stride = f->size, width = f->width;
    if (!f->is_season)
        return f->size;
    for (size_t i = width; i < f->size; i++) {
        double *to = f->gram + (i - 1) * stride;
        memcpy(to, to + stride, (width - 1) * sizeof(double));
        memcpy(to + width - 1, to + stride + width, (i - width + 1) * sizeof(double));
    }
    return f->size - 1;
}

/* Cholesky, row by row of what is left; the last row becomes what is left of r. False where digits
 * are lost. */
static bool eliminate(struct innovations *f, size_t size, struct cancel_check *cancel,
                      double *ret_log_determinant)
{
    size_t stride = f->size;
    double *restrict column = f->column, *diagonal = f->diagonal, sum = 0;
    for (size_t k = 0; k < size; k++)
        diagonal[k] = f->gram[k * stride + k];
    for (size_t k = 0; k + 1 < size; k++) {
        double pivot = f->gram[k * stride + k];
        if (!(pivot > 1e-11 * diagonal[k]) || cancel_poll(cancel, (size - k) * (size - k) / 2))
            return false;
        sum += log(pivot);
        for (size_t i = k + 1; i < size; i++)
            column[i] = f->gram[i * stride + k];
        for (size_t i = k + 1; i < size; i++) {
            double *row = f->gram + i * stride;
            dense_add_scaled(-column[i] / pivot, column + k + 1, i - k, row + k + 1);
        }
    }
    *ret_log_determinant = sum;
    return true;
}

bool innovations_likelihood(struct innovations *f, const struct spec_layout *layout,
                            const struct kalman_spec *spec, struct cancel_check *cancel,
                            struct score_result *ret_result)
{
    EXPECT(f->width > 0 && f->width <= KALMAN_STATES_MAX);
    size_t stride = f->size, observed = f->count + f->gaps.lags - f->gaps.count;
    size_t diffuse = f->is_season ? f->width - 1 : f->gaps.lags + (f->has_mean ? 1 : 0);
    double log_determinant = 0,
           variance = layout_value(layout, spec, PARAMETER_INNOVATION_VARIANCE);
    load(f, layout, spec);
    if (!(variance > 0) || !sum_rows(f, cancel))
        return false;
    fill_along(f);
    if (f->is_season)
        contrast_season(f);
    for (size_t i = 0; !f->is_season && i < f->width; i++)
        f->gram[i * stride + i] += 1;
    size_t size = close_up(f);
    double *square = &f->gram[(size - 1) * stride + size - 1], before = *square;
    if (!eliminate(f, size, cancel, &log_determinant) || !(*square > 1e-7 * before))
        return false;
    *ret_result = (struct score_result){
        .log_determinant = log_determinant + (double)(observed - diffuse) * log(variance),
        .quadratic = *square / variance,
        .observed = observed,
        .diffuse = diffuse,
        .determined = true,
        .possible = true};
    return true;
}

/* Level and season span the indicators of the places in a season; what the slope adds is the square
 * of what they leave of its effect, phi + .. + phi^t. Over the values that are there. */
double innovations_information(struct innovations *f, const struct spec_layout *layout,
                               const struct kalman_spec *spec)
{
    EXPECT(f->is_season && f->width > f->head);
    size_t period = f->width - f->head;
    double *effect = f->column, *present = f->row, sum = 2 * log((double)period), left = 0;
    memset(present, 0, period * sizeof(double));
    for (size_t t = 0; t < f->count; t++)
        present[t % period] += 1;
    for (size_t k = 0; k < f->gaps.count; k++)
        present[f->gaps.at[k] % period] -= 1;
    for (size_t k = 0; k < period; k++)
        sum += log(present[k]);
    if (f->head < 2)
        return sum;
    load(f, layout, spec);
    memset(effect, 0, period * sizeof(double));
    for (int pass = 0; pass < 2; pass++) {
        double slope = 0;
        for (size_t t = 0, gap = 0; t < f->count; t++) {
            size_t k = t % period;
            slope = f->damping * (1 + slope);
            bool missing = gap < f->gaps.count && f->gaps.at[gap] == t;
            gap += missing ? 1 : 0;
            if (pass == 0 && !missing)
                effect[k] += slope / present[k];
            else if (!missing)
                left += (slope - effect[k]) * (slope - effect[k]);
        }
    }
    return sum + log(left);
}
