#include "run/collect.h"

#include "run/residuals.h"
#include "run/scale.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A variance that nothing was estimated from is not known to be zero: one observation has no
 * interval around it. */
static void forget_variances(struct run *run)
{
    if (!run->is_fitted || run->fit.status != KALMAN_FIT_UNIDENTIFIED_DEFAULT)
        return;
    const struct kalman_forecast *f = &run->forecast;
    double *signal = *run_processed_variance(run);
    for (size_t i = 0; signal != NULL && i < run->request->n; i++)
        signal[i] = signal[i] > 0 ? signal[i] : (double)INFINITY;
    for (size_t i = 0; i < f->horizon; i++) {
        if (f->variance[i] > 0)
            continue;
        f->variance[i] = (double)INFINITY;
        for (size_t k = 0; k < f->level_count; k++)
            f->lower[k * f->horizon + i] = f->upper[k * f->horizon + i] = (double)NAN;
    }
}

static enum luna_run_status put_intervals(struct run *run, const double *mean,
                                          const double *variance)
{
    size_t n = run->request->n;
    assert(run->request->interval_count == 0 || variance != NULL);
    for (size_t i = 0; i < run->request->interval_count; i++) {
        double *lower = NULL, *upper = NULL;
        if (!run_want(run, true, n, &lower) || !run_want(run, true, n, &upper))
            return LUNA_RUN_MEMORY;
        enum kalman_status status =
            kalman_interval(mean, variance, n, run->request->intervals[i], lower, upper);
        if (status != KALMAN_OK)
            return run_explain(run, status, SIZE_MAX);
        run->result.lower[i] = run->lower[i] = lower;
        run->result.upper[i] = run->upper[i] = upper;
    }
    return LUNA_RUN_OK;
}

/* Everything in units of the data, which was worked out on the scale of the model. */
static void restore_scale(struct run *run)
{
    const struct kalman_transform *transform = &run->transform;
    const struct kalman_forecast *f = &run->forecast;
    size_t n = run->request->n;
    bool means = run->request->bias_adjust;
    scale_restore_moments(transform, means, n, *run_processed_mean(run),
                          *run_processed_variance(run));
    for (size_t i = 0; i < run->request->interval_count; i++) {
        scale_restore_bounds(transform, n, run->lower[i]);
        scale_restore_bounds(transform, n, run->upper[i]);
    }
    scale_restore_moments(transform, means, f->horizon, f->mean, f->variance);
    scale_restore_bounds(transform, f->level_count * f->horizon, f->lower);
    scale_restore_bounds(transform, f->level_count * f->horizon, f->upper);
}

static void put_forecast(struct run *run)
{
    const struct kalman_forecast *f = &run->forecast;
    assert(f->level_count <= LUNA_INTERVALS_MAX);
    run->result.forecast =
        (struct luna_forecast){.horizon = f->horizon, .mean = f->mean, .variance = f->variance};
    for (size_t i = 0; i < f->level_count; i++) {
        run->result.forecast.lower[i] = f->lower + i * f->horizon;
        run->result.forecast.upper[i] = f->upper + i * f->horizon;
    }
}

static enum luna_run_status put_diagnostics(struct run *run)
{
    struct luna_result *result = &run->result;
    const struct residuals residuals = {.standardized = run->output.standardized,
                                        .count = run->request->n,
                                        .observed = run->summary.observation_count,
                                        .fitted = run->is_fitted ? run->fit.parameter_count : 0,
                                        .lags = (size_t)run->request->ljung_box_lags,
                                        .spec = &run->spec};
    if (run->output.standardized == NULL)
        return LUNA_RUN_OK;
    struct luna_diagnostics *d = luna_arena_alloc(run->arena, sizeof *d);
    if (d == NULL)
        return LUNA_RUN_MEMORY;
    enum kalman_status status = residuals_diagnose(&residuals, d);
    if (status != KALMAN_OK)
        return run_explain(run, status, SIZE_MAX);
    if ((run->request->include & LUNA_INCLUDE_DIAGNOSTICS) != 0)
        result->diagnostics = d;
    if (run_has_maximum(run))
        residuals_warn(d, run->transform.kind != KALMAN_TRANSFORM_NONE, result);
    return LUNA_RUN_OK;
}

static enum luna_run_status put_parameters(struct run *run, const struct kalman_kind_info *info)
{
    struct luna_result *result = &run->result;
    for (const struct kalman_parameter_info *p = info->parameters; p->name != NULL; p++) {
        size_t offset = 0, count = 0;
        bool there =
            kalman_spec_locate(&run->spec, p->name, &offset, &count) == KALMAN_OK && count > 0;
        if (!there || result->parameter_count == LUNA_PARAMETERS_MAX)
            continue;
        double *values = luna_arena_alloc(run->arena, count * sizeof *values);
        if (values == NULL)
            return LUNA_RUN_MEMORY;
        memcpy(values, run->spec.parameters + offset, count * sizeof *values);
        result->parameters[result->parameter_count++] = (struct luna_parameter){
            .name = p->name, .values = values, .count = count, .is_array = p->length != NULL};
    }
    return LUNA_RUN_OK;
}

/* The settings of a model, by name; returns how many. */
static size_t list_settings(const struct kalman_spec *spec, struct luna_model_setting *settings)
{
    size_t count = 0;
    const struct kalman_setting_info *s = kalman_kind_describe(spec->kind)->settings;
    for (; s->name != NULL && count < LUNA_PARAMETERS_MAX; s++)
        settings[count++] = (struct luna_model_setting){
            .name = s->name, .value = kalman_spec_get_int(spec, s->name)};
    return count;
}

static enum luna_run_status put_candidates(struct run *run)
{
    size_t count = run->fit.candidate_count;
    struct luna_candidate *list = luna_arena_calloc(run->arena, count + 1, sizeof *list);
    if (list == NULL)
        return LUNA_RUN_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct kalman_candidate *candidate = &run->candidates[i];
        list[i].model_name = kalman_kind_describe(candidate->spec.kind)->name;
        list[i].setting_count = list_settings(&candidate->spec, list[i].settings);
        list[i].transform = scale_served(&candidate->transform).kind;
        list[i].aicc = candidate->aicc;
        list[i].fit_status = kalman_fit_status_name(candidate->status);
    }
    run->result.candidates = list;
    run->result.candidate_count = count;
    return LUNA_RUN_OK;
}

const char *luna_run_seconds_text(struct luna_arena *arena, double seconds)
{
    enum { WHOLE_FROM = 10 };
    return luna_arena_printf(arena, seconds < WHOLE_FROM ? "%.2g s" : "%.0f s", seconds);
}

/* The fit ended in time, but on a slower or busier processor it may not. */
static enum luna_run_status warn_of_time(struct run *run)
{
    double limit_s = run->control != NULL ? run->control->fit_long_s : 0;
    if (!(limit_s > 0 && run->expected_s > limit_s))
        return LUNA_RUN_OK;
    const char *seconds = luna_run_seconds_text(run->arena, run->expected_s);
    if (seconds == NULL)
        return LUNA_RUN_MEMORY;
    const char *warning = luna_arena_printf(
        run->arena,
        "before it ran, this fit was expected to take about %s, more than a request may take: "
        "sent again, the request may fail",
        seconds);
    if (warning == NULL)
        return LUNA_RUN_MEMORY;
    result_warn(&run->result, warning);
    return LUNA_RUN_OK;
}

/* Statuses after which the numbers are not what the data say. */
static enum luna_run_status put_warnings(struct run *run)
{
    enum kalman_fit_status status = run->is_fitted ? run->fit.status : KALMAN_FIT_FIXED;
    if (status == KALMAN_FIT_UNIDENTIFIED_DEFAULT || status == KALMAN_FIT_DEGENERATE_CONSTANT ||
        status == KALMAN_FIT_NOT_CONVERGED)
        result_warn(&run->result, kalman_fit_status_text(status));
    return warn_of_time(run);
}

static enum luna_run_status put_model(struct run *run)
{
    struct luna_result *result = &run->result;
    const struct kalman_kind_info *info = kalman_kind_describe(run->spec.kind);
    result->model_name = info->name;
    result->transform = scale_served(&run->transform);
    result->fit_status =
        kalman_fit_status_name(run->is_fitted ? run->fit.status : KALMAN_FIT_FIXED);
    result->not_converged = run->is_fitted && run->fit.status == KALMAN_FIT_NOT_CONVERGED;
    result->fit_reason = run->is_fitted ? run->fit.reason : NULL;
    result->loglikelihood = run->is_fitted ? run->fit.loglikelihood : run->summary.loglikelihood;
    result->aicc = run->is_fitted ? run->fit.aicc : (double)NAN;
    result->signal_to_noise = run->is_fitted ? run->fit.signal_to_noise : (double)NAN;
    result->setting_count = list_settings(&run->spec, result->settings);
    result->variance_exponent = run->spec.variance_exponent;
    enum luna_run_status status = put_warnings(run);
    if (status == LUNA_RUN_OK && run->candidates != NULL)
        status = put_candidates(run);
    return status == LUNA_RUN_OK ? put_parameters(run, info) : status;
}

enum luna_run_status run_collect(struct run *run)
{
    const struct kalman_output *out = &run->output;
    struct luna_result *result = &run->result;
    const double *variance = *run_processed_variance(run);
    result->n = run->request->n;
    result->processed = *run_processed_mean(run);
    result->variance = (run->request->include & LUNA_INCLUDE_VARIANCE) != 0 ? variance : NULL;
    result->innovations = out->innovations;
    result->innovation_variance = out->innovation_variances;
    forget_variances(run);
    put_forecast(run);
    enum luna_run_status status = put_intervals(run, result->processed, variance);
    if (status == LUNA_RUN_OK)
        restore_scale(run);
    if (status == LUNA_RUN_OK)
        status = put_diagnostics(run);
    if (status == LUNA_RUN_OK)
        status = put_model(run);
    return status;
}
