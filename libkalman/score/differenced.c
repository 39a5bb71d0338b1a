#include "score/differenced.h"

#include "model/arima.h"
#include "model/series_check.h"
#include "numeric/expect.h"
#include "numeric/lag_polynomial.h"

#include <math.h>
#include <string.h>

/* Digits of the squares that a check asks for. */
static const double agreement = 1e-9;

/* The differences (1 - B)^plain (1 - B^period)^seasonal, and the lags within reach. */
struct form {
    size_t plain, seasonal, period, damped, ar, ma, reach; /* damped: and (1 - damping B) */
};

static bool has_slope(const struct spec_layout *layout)
{
    return layout->info->kind == KALMAN_BASIC_STRUCTURAL;
}

/* False where there is no such form. */
static bool form_of(const struct spec_layout *layout, struct form *ret_form)
{
    enum kalman_kind kind = layout->info->kind;
    struct form f = {.period = layout_setting(layout, SETTING_PERIOD)};
    if (kind == KALMAN_ARIMA) {
        f.plain = layout_setting(layout, SETTING_DIFFERENCES);
        f.seasonal = layout_setting(layout, SETTING_SEASONAL_DIFFERENCES);
        f.ar = layout_setting(layout, SETTING_AR_ORDER) +
               f.period * layout_setting(layout, SETTING_SEASONAL_AR_ORDER);
        f.ma = layout_setting(layout, SETTING_MA_ORDER) +
               f.period * layout_setting(layout, SETTING_SEASONAL_MA_ORDER);
        f.reach = f.ar > f.ma ? f.ar : f.ma;
    } else if (kind == KALMAN_SEASONAL || kind == KALMAN_BASIC_STRUCTURAL) {
        f.plain = has_slope(layout) ? 1 : 0;
        f.seasonal = layout_setting(layout, SETTING_HARMONICS) == 0 ? 1 : 0;
        f.reach = f.seasonal * (f.plain + f.period);
    } else if (kind == KALMAN_DAMPED_TREND) {
        f.plain = 1;
        f.damped = 1;
        f.reach = 2;
    }
    *ret_form = f;
    return f.reach > 0 && f.ar <= DIFFERENCED_AR_MAX && (kind != KALMAN_ARIMA || f.ar > 0);
}

static size_t lags_of(const struct form *form)
{
    return form->plain + form->damped + form->seasonal * form->period;
}

size_t differenced_reach(const struct spec_layout *layout)
{
    struct form f;
    return form_of(layout, &f) ? f.reach : 0;
}

size_t differenced_doubles(const struct spec_layout *layout, size_t count)
{
    struct form f;
    if (!form_of(layout, &f))
        return 0;
    return 5 * count + 7 * (f.reach + 1) + gaps_doubles(lags_of(&f)) +
           stationary_gap_doubles(gaps_served(f.reach), count, f.reach);
}

void differenced_prepare(struct differenced *f, const struct spec_layout *layout,
                         const struct kalman_series *series, double *workspace)
{
    struct form form;
    size_t n = series->count;
    *f = (struct differenced){.usable = false};
    if (!form_of(layout, &form) || !series_is_plain(series))
        return;
    size_t r = form.reach, lags = lags_of(&form);
    f->values = workspace;
    memcpy(f->values, series->values, n * sizeof(double));
    if (!gaps_fill(&f->gaps, f->values, n, form.period, gaps_served(r)) ||
        n <= lags + f->gaps.count + 2)
        return;
    f->usable = true;
    f->lags = lags;
    n = lag_differences_of(f->values, n, form.plain, form.seasonal, form.period);
    f->covariance = workspace + series->count;
    f->first = f->covariance + r + 1;
    f->second = f->first + r + 1;
    double *column = f->second + r + 1, *rest = column + r + 1;
    f->process = (struct stationary){.count = n - form.damped,
                                     .reach = r,
                                     .covariance = f->covariance,
                                     .ar = f->ar,
                                     .order = form.ar,
                                     .column = column,
                                     .rest = rest,
                                     .expected = rest + series->count + r + 1,
                                     .gaps = &f->gaps};
    double *last = f->process.expected + series->count + r + 1;
    if (layout_setting(layout, SETTING_MEAN) > 0)
        f->process.one = last;
    last += series->count + r + 1;
    if (form.damped)
        f->moved = last;
    last += series->count;
    EXPECT(!form.damped || f->gaps.count == 0);
    gaps_difference(&f->gaps, form.plain, form.seasonal, form.period, last);
    f->process.gap_workspace = last + gaps_doubles(lags);
}

/* Adds the autocovariances of variance (c_0 + c_1 B + .. + c_r B^r) e. */
static void add_products(const double *c, size_t reach, double variance, double *covariance)
{
    for (size_t i = 0; i <= reach; i++)
        for (size_t j = i; c[i] != 0 && j <= reach; j++)
            covariance[j - i] += variance * c[i] * c[j];
}

/* Level, slope and season, each disturbance's share: with D = (1 - B^s), or (1 - B)(1 - B^s) beside
 * a slope, D of the noise, D/(1 - B) of the level, D/(1 - B)^2 of the slope, (1 - B) or (1 - B)^2
 * of the season, which sums to zero. (1 - B^s)/(1 - B) is the sum of a season. */
static void structural(struct differenced *f, const struct spec_layout *layout,
                       const struct kalman_spec *spec)
{
    size_t s = layout_setting(layout, SETTING_PERIOD), r = f->process.reach;
    double level = layout_value(layout, spec, PARAMETER_LEVEL_VARIANCE), *c = f->first,
           of_sum = level;
    bool slope = has_slope(layout);
    memset(f->covariance, 0, (r + 1) * sizeof(double));
    memset(c, 0, (r + 1) * sizeof(double));
    c[0] += 1;
    c[s] -= 1;
    if (slope) {
        add_products(c, r, level, f->covariance);
        of_sum = layout_value(layout, spec, PARAMETER_SLOPE_VARIANCE);
        c[1] -= 1;
        c[s + 1] += 1;
    }
    add_products(c, r, layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE), f->covariance);
    for (size_t k = 0; k < s; k++)
        f->covariance[k] += of_sum * (double)(s - k);
    memset(c, 0, (r + 1) * sizeof(double));
    c[0] = 1;
    c[1] = slope ? -2 : -1;
    c[2] = slope ? 1 : 0;
    add_products(c, slope ? 2 : 1, layout_value(layout, spec, PARAMETER_SEASONAL_VARIANCE),
                 f->covariance);
}

/* log|X'X| of level and slope: X has a one, and 1 + phi + .. of the steps before. */
static double trend_information(size_t count, double damping)
{
    double effect = 0, mean = 0, left = 0;
    for (size_t t = 0; t < count; t++, effect = 1 + damping * effect)
        mean += effect / (double)count;
    effect = 0;
    for (size_t t = 0; t < count; t++, effect = 1 + damping * effect)
        left += (effect - mean) * (effect - mean);
    return log((double)count) + log(left);
}

/* D = (1 - B)(1 - phi B) moves with phi, and X with it: log|S| + log|X'S^-1 X| = log|D S D'| -
 * log|D D'| + log|X'X|. Puts what is to be added to the first of the three, and the differences. */
static bool damped_trend(struct differenced *f, const struct spec_layout *layout,
                         const struct kalman_spec *spec, struct cancel_check *cancel,
                         double *ret_log_determinant)
{
    double damping = layout_value(layout, spec, PARAMETER_DAMPING), *c = f->first;
    size_t r = f->process.reach, bytes = (r + 1) * sizeof(double);
    struct stationary_sums of_differences;
    EXPECT(r == 2);
    for (size_t t = 0; t < f->process.count; t++)
        f->moved[t] = f->values[t + 1] - damping * f->values[t];
    c[0] = 1;
    c[1] = -1 - damping;
    c[2] = damping;
    memset(f->covariance, 0, bytes);
    add_products(c, r, 1, f->covariance);
    if (!stationary_sum(&f->process, f->moved, cancel, &of_differences))
        return false;
    memset(f->covariance, 0, bytes);
    add_products(c, r, layout_value(layout, spec, PARAMETER_OBSERVATION_VARIANCE), f->covariance);
    c[1] = -damping;
    add_products(c, 1, layout_value(layout, spec, PARAMETER_LEVEL_VARIANCE), f->covariance);
    f->covariance[0] += layout_value(layout, spec, PARAMETER_SLOPE_VARIANCE);
    f->information = trend_information(f->process.count + f->lags, damping);
    *ret_log_determinant = f->information - of_differences.log_determinant;
    return true;
}

/* Solves the rows of a small system in place, by elimination with pivots. */
static bool solve(size_t size, double *matrix, double *right)
{
    for (size_t k = 0; k < size; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < size; i++)
            pivot = fabs(matrix[i * size + k]) > fabs(matrix[pivot * size + k]) ? i : pivot;
        for (size_t j = 0; j < size; j++) {
            double kept = matrix[k * size + j];
            matrix[k * size + j] = matrix[pivot * size + j];
            matrix[pivot * size + j] = kept;
        }
        double kept = right[k];
        right[k] = right[pivot];
        right[pivot] = kept;
        if (matrix[k * size + k] == 0)
            return false;
        for (size_t i = k + 1; i < size; i++) {
            double factor = matrix[i * size + k] / matrix[k * size + k];
            for (size_t j = k; j < size; j++)
                matrix[i * size + j] -= factor * matrix[k * size + j];
            right[i] -= factor * right[k];
        }
    }
    for (size_t k = size; k-- > 0;) {
        for (size_t j = k + 1; j < size; j++)
            right[k] -= matrix[k * size + j] * right[j];
        right[k] /= matrix[k * size + k];
    }
    return true;
}

/* cross[k], k <= r: the covariance of w_{t-k} with the moving average at t, by the weights psi of w
 * in the innovations. */
static void put_cross(size_t reach, const double *ar, size_t order, const double *ma, double *psi,
                      double *cross)
{
    for (size_t i = 0; i <= reach; i++) {
        psi[i] = ma[i];
        for (size_t j = 1; j <= order && j <= i; j++)
            psi[i] += ar[j - 1] * psi[i - j];
    }
    memset(cross, 0, (reach + 1) * sizeof(double));
    for (size_t i = 0; i <= reach; i++)
        for (size_t k = 0; ma[i] != 0 && k <= i; k++)
            cross[k] += ma[i] * psi[i - k];
}

/* The first autocovariances solve their equations; the others follow (McLeod 1975). */
static bool arma(struct differenced *f, const struct spec_layout *layout,
                 const struct kalman_spec *spec)
{
    enum { size_max = DIFFERENCED_AR_MAX + 1 };
    double matrix[size_max * size_max] = {0}, *cross = f->covariance, *ma = f->first;
    size_t p = f->process.order, size = p + 1, r = f->process.reach;
    double variance = layout_value(layout, spec, PARAMETER_INNOVATION_VARIANCE);
    arima_ar(layout, spec, f->ar);
    memset(ma, 0, (r + 1) * sizeof(double));
    ma[0] = 1;
    arima_ma(layout, spec, ma + 1);
    put_cross(r, f->ar, p, ma, f->second, cross);
    for (size_t k = 0; k < size; k++)
        for (size_t j = 0; j <= p; j++)
            matrix[k * size + (j > k ? j - k : k - j)] += j == 0 ? 1 : -f->ar[j - 1];
    if (!solve(size, matrix, cross))
        return false;
    for (size_t k = size; k <= r; k++)
        for (size_t j = 1; j <= p; j++)
            cross[k] += f->ar[j - 1] * cross[k - j];
    for (size_t k = 0; k <= r; k++)
        f->covariance[k] *= variance;
    return true;
}

/* The sums but for the constant. */
static bool sum(struct differenced *f, const struct spec_layout *layout,
                const struct kalman_spec *spec, struct cancel_check *cancel,
                struct score_result *ret_result)
{
    struct stationary_sums sums;
    double moved = 0;
    bool found = true;
    if (f->moved)
        found = damped_trend(f, layout, spec, cancel, &moved);
    else if (layout->info->kind == KALMAN_ARIMA)
        found = arma(f, layout, spec);
    else
        structural(f, layout, spec);
    if (!found || !stationary_sum(&f->process, f->moved ? f->moved : f->values, cancel, &sums))
        return false;
    struct score_result result = {.log_determinant = sums.log_determinant + moved,
                                  .quadratic = sums.square,
                                  .observed = f->process.count + f->lags - f->gaps.count,
                                  .diffuse = f->lags,
                                  .determined = true,
                                  .possible = true};
    if (f->process.one) {
        result.log_determinant += log(sums.one);
        result.quadratic -= sums.cross * sums.cross / sums.one;
        result.diffuse++;
    }
    *ret_result = result;
    return true;
}

void differenced_check(struct differenced *f, const struct spec_layout *layout,
                       const struct kalman_spec *spec, struct cancel_check *cancel,
                       const struct score_result *exact)
{
    struct score_result own;
    if (!f->usable || f->checked)
        return;
    f->usable = sum(f, layout, spec, cancel, &own) && exact->determined && exact->possible &&
                own.diffuse == exact->diffuse &&
                fabs(own.quadratic - exact->quadratic) <= agreement * fabs(exact->quadratic);
    f->checked = true;
    f->constant = f->usable ? exact->log_determinant - own.log_determinant : 0;
}

bool differenced_likelihood(struct differenced *f, const struct spec_layout *layout,
                            const struct kalman_spec *spec, struct cancel_check *cancel,
                            struct score_result *ret_result)
{
    EXPECT(f->usable && f->checked);
    if (!sum(f, layout, spec, cancel, ret_result))
        return false;
    ret_result->log_determinant += f->constant;
    return true;
}
