/*
 * The scale: data or logarithms. A log density of z = log y becomes one of y when the Jacobian is
 * added, log |dz/dy| of each value; so scales are compared like models are.
 */
#include "choice/scale.h"

#include "fit/level_fit.h"
#include "fit/single.h"
#include "model/layout.h"

#include <math.h>

static const double log_two_pi = 1.8378770664093454836;

static size_t aligned(size_t bytes)
{
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

size_t scale_bytes(size_t count)
{
    return aligned(level_fit_bytes(count)) + aligned(count * sizeof(double));
}

double scale_jacobian(const struct kalman_transform *transform, const struct kalman_series *series,
                      size_t burn)
{
    size_t seen = 0;
    double sum = 0;
    if (transform->kind == KALMAN_TRANSFORM_NONE)
        return 0;
    for (size_t t = 0; t < series->count; t++)
        if (!isnan(series->values[t]) && seen++ >= burn)
            sum += kalman_transform_log_jacobian(transform, series->values[t]);
    return sum;
}

/* One scale under judgement. */
struct scale {
    const struct fit_request *request;
    const struct kalman_series *series;       /* on this scale */
    const struct kalman_transform *transform; /* from the data to it */
    size_t period;
};

/* log |dz/dy| at one time point. */
static double jacobian_at(const struct scale *scale, size_t t)
{
    return kalman_transform_log_jacobian(scale->transform, scale->request->series->values[t]);
}

/* The changes over a lag; missing where either value is. */
static void put_differences(const struct kalman_series *series, size_t lag, double *ret_values)
{
    for (size_t t = 0; t < series->count; t++)
        ret_values[t] = t < lag ? (double)NAN : series->values[t] - series->values[t - lag];
}

/* The log density of the changes over a lag under a local level, as one of the data. */
static enum kalman_status judge_changes(const struct scale *scale, size_t lag, double *ret_value)
{
    struct kalman_spec spec;
    struct spec_layout layout;
    struct kalman_fit fit;
    struct fit_request request = *scale->request;
    size_t count = scale->series->count, seen = 0;
    double *changes = request.workspace;
    put_differences(scale->series, lag, changes);
    request.workspace = (char *)request.workspace + aligned(count * sizeof(double));
    kalman_spec_init(&spec, KALMAN_LOCAL_LEVEL);
    enum kalman_status status = layout_resolve(&spec, &layout);
    const struct kalman_series level = {.values = changes, .count = count};
    if (status == KALMAN_OK)
        status = fit_single_series(&request, &level, &spec, &layout, &fit);
    if (status != KALMAN_OK)
        return status;
    *ret_value = fit.loglikelihood;
    for (size_t t = 0; t < count; t++)
        if (!isnan(changes[t]) && seen++ > 0)
            *ret_value += jacobian_at(scale, t);
    return KALMAN_OK;
}

/* The same of the changes from step to step, each season's with a mean that never changes and is
 * known from those before; the variance concentrated out. NaN without such changes. */
static double judge_seasonal_steps(const struct scale *scale)
{
    const struct kalman_series *series = scale->series;
    size_t period = scale->period;
    double squares = 0, logs = 0, jacobian = 0;
    size_t innovations = 0;
    for (size_t t = 1; t < series->count && t <= period; t++) {
        double sum = 0, known = 0;
        for (size_t at = t; at < series->count; at += period) {
            double change = series->values[at] - series->values[at - 1];
            if (isnan(change))
                continue;
            if (known > 0) {
                double error = change - sum / known, share = 1 + 1 / known;
                squares += error * error / share;
                logs += log(share);
                jacobian += jacobian_at(scale, at);
                innovations++;
            }
            sum += change;
            known++;
        }
    }
    double n = (double)innovations;
    return innovations > 0 ? jacobian - 0.5 * (n * (log_two_pi + 1 + log(squares / n)) + logs)
                           : (double)NAN;
}

/* How well the scale suits the data. */
static enum kalman_status judge(const struct scale *scale, double *ret_value)
{
    bool seasonal = scale->period >= 2 && scale->series->count >= 3 * scale->period;
    double moving = 0;
    enum kalman_status status = judge_changes(scale, seasonal ? scale->period : 1, &moving);
    *ret_value = seasonal ? 0.5 * (moving + judge_seasonal_steps(scale)) : moving;
    return status;
}

/* Forecasts start from the end: how changes grew long ago says little about them. The latter half,
 * where that is enough to judge by. */
static struct kalman_series latter_half(const struct kalman_series *series, size_t period)
{
    enum { enough = 40, periods = 4 };
    size_t half = series->count / 2, rest = series->count - half;
    size_t from = rest < enough || rest < periods * period ? 0 : half;
    return (struct kalman_series){.values = series->values + from, .count = series->count - from};
}

enum kalman_status scale_choose(const struct fit_request *request,
                                const struct kalman_series *logarithms,
                                const struct kalman_transform *transform, bool *ret_logarithmic)
{
    static const struct kalman_transform none = {.kind = KALMAN_TRANSFORM_NONE};
    /* Data that vary little are as well described by both, and a trend of logarithms goes far: the
     * evidence has to be very strong, 2 log B > 10 (Kass & Raftery 1995). */
    static const double clearly = 5;
    size_t period = (size_t)request->layout->setting[SETTING_PERIOD];
    struct fit_request recent = *request;
    const struct kalman_series late = latter_half(request->series, period),
                               late_logarithms = latter_half(logarithms, period);
    recent.series = &late;
    const struct scale scales[] = {{&recent, &late, &none, period},
                                   {&recent, &late_logarithms, transform, period}};
    double plain = 0, logarithmic = 0;
    enum kalman_status status = judge(&scales[0], &plain);
    if (status == KALMAN_OK)
        status = judge(&scales[1], &logarithmic);
    *ret_logarithmic = status == KALMAN_OK && logarithmic > plain + clearly;
    return status == KALMAN_ECANCELLED || status == KALMAN_ENOMEM ? status : KALMAN_OK;
}

static struct kalman_candidate candidate_of(const struct kalman_fit *fit, double jacobian)
{
    return (struct kalman_candidate){.spec = fit->spec,
                                     .transform = fit->transform,
                                     .loglikelihood = fit->loglikelihood + jacobian,
                                     .aicc = fit->aicc - 2 * jacobian,
                                     .status = fit->status};
}

enum kalman_status scale_fit_both(const struct fit_request *request,
                                  const struct kalman_series *logarithms,
                                  const struct kalman_transform *transform,
                                  struct kalman_candidate *candidates, struct kalman_fit *ret_fit)
{
    struct kalman_fit other;
    enum kalman_status status = fit_single(request, ret_fit);
    if (status != KALMAN_OK)
        return status;
    status = fit_single_series(request, logarithms, request->spec, request->layout, &other);
    if (status == KALMAN_ECANCELLED || status == KALMAN_ENOMEM)
        return status;
    if (status != KALMAN_OK || !fit_is_maximum(other.status) || !fit_is_maximum(ret_fit->status))
        return KALMAN_OK; /* nothing to compare */
    other.transform = *transform;
    double jacobian = scale_jacobian(transform, request->series, other.diffuse_count);
    bool logarithmic = other.loglikelihood + jacobian > ret_fit->loglikelihood;
    if (candidates) {
        candidates[logarithmic ? 1 : 0] = candidate_of(ret_fit, 0);
        candidates[logarithmic ? 0 : 1] = candidate_of(&other, jacobian);
    }
    size_t evaluations = ret_fit->evaluations + other.evaluations;
    if (logarithmic)
        *ret_fit = other;
    ret_fit->evaluations = evaluations;
    ret_fit->candidate_count = candidates ? 2 : 0;
    ret_fit->reason = logarithmic ? "the model fits the logarithms better than the data"
                                  : "the model fits the data better than their logarithms";
    return KALMAN_OK;
}
