#include "luna/modelling/run.h"

#include "model_spec.h"
#include "scale.h"

#include <assert.h>
#include <kalman/diagnostics.h>
#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/transform.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* A standardised innovation beyond this many standard deviations is an outlier when `robust` is
 * asked for. */
static const double robust_threshold = 3.0;

struct run {
    const struct luna_request *request;
    struct luna_arena *arena;
    struct luna_faults *faults;
    struct kalman_hook hook;
    /* an array of n that the processed results may have: the observations'; NULL: none */
    double *spare;
    struct kalman_spec spec;
    struct kalman_transform transform;
    struct kalman_series series; /* on the scale of the model */
    struct kalman_fit fit;
    bool is_fitted;                      /* spec comes out of `fit` */
    struct kalman_candidate *candidates; /* of a choice */
    struct kalman_model *model;
    struct kalman_output output;
    struct kalman_forecast forecast;
    double *lower[LUNA_INTERVALS_MAX], *upper[LUNA_INTERVALS_MAX]; /* those of the result */
    struct kalman_summary summary;
    struct luna_result result;
    void *workspace; /* shared by the fit and the run after it */
    size_t workspace_bytes;
};

static bool asked_to_stop(void *context)
{
    const struct luna_run_control *control = context;
    return luna_deadline_passed(control->deadline) ||
           (control->cancelled != NULL && control->cancelled(control->ctx) != 0);
}

static void *alloc_aligned(struct luna_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX - KALMAN_ALIGN)
        return NULL;
    char *piece = luna_arena_alloc(arena, bytes + KALMAN_ALIGN);
    if (piece == NULL)
        return NULL;
    return piece + (KALMAN_ALIGN - (uintptr_t)piece % KALMAN_ALIGN) % KALMAN_ALIGN;
}

static bool ensure_workspace(struct run *run, size_t bytes)
{
    if (run->workspace != NULL && bytes <= run->workspace_bytes)
        return true;
    void *workspace = alloc_aligned(run->arena, bytes);
    if (workspace == NULL)
        return false;
    assert((uintptr_t)workspace % KALMAN_ALIGN == 0);
    run->workspace = workspace;
    run->workspace_bytes = bytes;
    return true;
}

/* libkalman's status in the service's terms; what the client can fix becomes a fault. */
static enum luna_run_status explain(struct run *run, enum kalman_status status, size_t bad_index)
{
    switch (status) {
    case KALMAN_OK:
        return LUNA_RUN_OK;
    case KALMAN_ECANCELLED:
        return LUNA_RUN_CANCELLED;
    case KALMAN_ENOMEM:
    case KALMAN_EWORKSPACE:
        return LUNA_RUN_MEMORY;
    case KALMAN_EDOMAIN:
    case KALMAN_ETOOSHORT:
    case KALMAN_EDIFFUSE:
    case KALMAN_ERANGE: {
        const char *msg =
            luna_arena_printf(run->faults->arena, "Value error, %s", kalman_strerror(status));
        const char *hint =
            status == KALMAN_ETOOSHORT || status == KALMAN_EDIFFUSE
                ? "send more observations, or choose a model with fewer components"
                : "rescale the series, or send variances of the same order of magnitude";
        struct luna_fault *fault =
            luna_fault_at(luna_faults_add(run->faults, "value_error", msg, hint), "results");
        if (bad_index != SIZE_MAX)
            luna_fault_at_index(fault, bad_index);
        return LUNA_RUN_FAULTS;
    }
    default:
        model_spec_fault(run->request, run->faults, NULL, kalman_strerror(status));
        return LUNA_RUN_FAULTS;
    }
}

static bool needs_fit(const struct run *run)
{
    return run->spec.kind == KALMAN_AUTO || kalman_spec_free_count(&run->spec) > 0 ||
           (run->request->include & LUNA_INCLUDE_MODEL) != 0;
}

/* The series on the scale that was asked for. */
static enum luna_run_status transform_series(struct run *run)
{
    const struct luna_request *request = run->request;
    double *values = NULL;
    enum luna_run_status status =
        scale_apply(request, &run->spec, run->arena, run->faults, &run->transform, &values);
    run->series =
        (struct kalman_series){.values = values ? values : request->values, .count = request->n};
    run->spare = run->spare ? run->spare : values;
    return status;
}

/* Room for the logarithms and the candidates of a choice. False: out of memory. */
static bool plan_choice(struct run *run, struct kalman_fit_options *options)
{
    bool any_model = run->spec.kind == KALMAN_AUTO;
    bool any_scale = scale_is_chosen(run->request, &run->spec);
    if (any_model || any_scale)
        run->candidates =
            luna_arena_alloc(run->arena, KALMAN_CANDIDATES_MAX * sizeof *run->candidates);
    if (any_scale)
        options->logarithms = luna_arena_alloc(run->arena, (run->request->n + 1) * sizeof(double));
    return ((!any_model && !any_scale) || run->candidates != NULL) &&
           (!any_scale || options->logarithms != NULL);
}

static enum luna_run_status fit(struct run *run)
{
    struct kalman_fit_options options = {.hook = run->hook};
    if (!needs_fit(run))
        return LUNA_RUN_OK;
    size_t bytes = 0;
    enum kalman_status status = kalman_fit_bytes(&run->spec, run->series.count, &bytes);
    if (status != KALMAN_OK)
        return explain(run, status, SIZE_MAX);
    if (!ensure_workspace(run, bytes) || !plan_choice(run, &options))
        return LUNA_RUN_MEMORY;
    run->fit.bad_index = SIZE_MAX;
    status = kalman_fit(&run->spec, &run->series, &options, run->workspace, run->workspace_bytes,
                        run->candidates, &run->fit);
    if (status != KALMAN_OK)
        return explain(run, status, run->fit.bad_index);
    assert(kalman_spec_free_count(&run->fit.spec) == 0);
    run->spec = run->fit.spec;
    run->is_fitted = true;
    if (run->fit.transform.kind != KALMAN_TRANSFORM_NONE) {
        run->transform = run->fit.transform;
        run->series.values = options.logarithms;
        run->spare = run->spare ? run->spare : options.logarithms;
    }
    return LUNA_RUN_OK;
}

static enum luna_run_status build(struct run *run)
{
    size_t bytes = 0;
    enum kalman_status status = kalman_model_bytes(&run->spec, &bytes);
    if (status != KALMAN_OK)
        return explain(run, status, SIZE_MAX);
    void *memory = alloc_aligned(run->arena, bytes);
    if (memory == NULL)
        return LUNA_RUN_MEMORY;
    return explain(run, kalman_model_init(memory, bytes, &run->spec, &run->model), SIZE_MAX);
}

/* An array of n results, when wanted. False: out of memory. */
static bool want(struct run *run, bool wanted, size_t n, double **ret_array)
{
    if (!wanted)
        return true;
    *ret_array = luna_arena_alloc(run->arena, n * sizeof(double));
    return *ret_array != NULL;
}

static bool want_processed(struct run *run, size_t n, double **ret_array)
{
    *ret_array = run->spare;
    return want(run, run->spare == NULL, n, ret_array);
}

static bool plan_forecast(struct run *run)
{
    const struct luna_request *request = run->request;
    struct kalman_forecast *f = &run->forecast;
    assert(request->horizon >= 0 && request->interval_count <= LUNA_INTERVALS_MAX);
    size_t h = (size_t)request->horizon;
    if (h == 0)
        return true;
    *f = (struct kalman_forecast){
        .horizon = h, .levels = request->intervals, .level_count = request->interval_count};
    run->output.forecast = f;
    bool ranges = request->interval_count > 0;
    return want(run, true, h, &f->mean) && want(run, true, h, &f->variance) &&
           want(run, ranges, h * request->interval_count, &f->lower) &&
           want(run, ranges, h * request->interval_count, &f->upper);
}

static bool plan_output(struct run *run)
{
    const struct luna_request *request = run->request;
    struct kalman_output *out = &run->output;
    size_t n = request->n;
    bool smoothed = request->output == LUNA_OUTPUT_SMOOTHED;
    bool variance = (request->include & LUNA_INCLUDE_VARIANCE) != 0 ||
                    request->interval_count > 0 || request->bias_adjust;
    bool innovations = (request->include & LUNA_INCLUDE_INNOVATIONS) != 0;
    bool diagnostics = (request->include & LUNA_INCLUDE_DIAGNOSTICS) != 0;
    return want_processed(run, n, smoothed ? &out->smoothed_mean : &out->filtered_mean) &&
           want(run, !smoothed && variance, n, &out->filtered_variance) &&
           want(run, smoothed && variance, n, &out->smoothed_variance) &&
           want(run, innovations, n, &out->innovations) &&
           want(run, innovations, n, &out->innovation_variances) &&
           want(run, diagnostics, n, &out->standardized) && plan_forecast(run);
}

static enum luna_run_status compute(struct run *run)
{
    const struct kalman_series *series = &run->series;
    struct kalman_options options = {
        .hook = run->hook, .robust_threshold = run->request->robust ? robust_threshold : 0.0};
    if (!plan_output(run))
        return LUNA_RUN_MEMORY;
    size_t bytes = 0;
    enum kalman_status status =
        kalman_run_bytes(run->model, series->count, &options, &run->output, &bytes);
    if (status != KALMAN_OK)
        return explain(run, status, SIZE_MAX);
    if (!ensure_workspace(run, bytes))
        return LUNA_RUN_MEMORY;
    run->summary.bad_index = SIZE_MAX;
    status = kalman_run(run->model, series, &options, &run->output, run->workspace,
                        run->workspace_bytes, &run->summary);
    return explain(run, status, run->summary.bad_index);
}

/* A variance that nothing was estimated from is not known to be zero: one observation has no
 * interval around it. */
static void forget_variances(struct run *run)
{
    if (!run->is_fitted || run->fit.status != KALMAN_FIT_UNIDENTIFIED_DEFAULT)
        return;
    const struct kalman_forecast *f = &run->forecast;
    double *const signals[] = {run->output.filtered_variance, run->output.smoothed_variance};
    for (size_t k = 0; k < sizeof signals / sizeof signals[0]; k++)
        for (size_t i = 0; signals[k] != NULL && i < run->request->n; i++)
            signals[k][i] = signals[k][i] > 0 ? signals[k][i] : (double)INFINITY;
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
        if (!want(run, true, n, &lower) || !want(run, true, n, &upper))
            return LUNA_RUN_MEMORY;
        enum kalman_status status =
            kalman_interval(mean, variance, n, run->request->intervals[i], lower, upper);
        if (status != KALMAN_OK)
            return explain(run, status, SIZE_MAX);
        run->result.lower[i] = run->lower[i] = lower;
        run->result.upper[i] = run->upper[i] = upper;
    }
    return LUNA_RUN_OK;
}

/* Everything in units of the data, which was worked out on the scale of the model. */
static void restore_scale(struct run *run)
{
    const struct kalman_transform *transform = &run->transform;
    const struct kalman_output *out = &run->output;
    const struct kalman_forecast *f = &run->forecast;
    size_t n = run->request->n;
    bool means = run->request->bias_adjust;
    scale_restore_moments(transform, means, n, out->filtered_mean, out->filtered_variance);
    scale_restore_moments(transform, means, n, out->smoothed_mean, out->smoothed_variance);
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

/* What the client asked for, or two periods of a seasonal model, where its own autocorrelation
 * would show; 0: libkalman's default, as for every other model. */
static size_t ljung_box_lags(const struct run *run)
{
    int period = kalman_spec_get_int(&run->spec, "period");
    size_t fifth = run->summary.observation_count / 5;
    if (run->request->ljung_box_lags > 0)
        return (size_t)run->request->ljung_box_lags;
    if (period <= 1)
        return 0;
    return 2 * (size_t)period < fifth ? 2 * (size_t)period : fifth;
}

static enum luna_run_status put_diagnostics(struct run *run)
{
    if (run->output.standardized == NULL)
        return LUNA_RUN_OK;
    struct kalman_diagnostics found;
    size_t fitted = run->is_fitted ? run->fit.parameter_count : 0;
    enum kalman_status status = kalman_diagnose(run->output.standardized, run->request->n, fitted,
                                                ljung_box_lags(run), 0, &found);
    if (status != KALMAN_OK)
        return explain(run, status, SIZE_MAX);
    struct luna_diagnostics *d = luna_arena_alloc(run->arena, sizeof *d);
    if (d == NULL)
        return LUNA_RUN_MEMORY;
    *d = (struct luna_diagnostics){.ljung_box = found.ljung_box,
                                   .ljung_box_p = found.ljung_box_p,
                                   .ljung_box_lags = (int)found.ljung_box_lag,
                                   .skewness = found.skewness,
                                   .kurtosis = found.kurtosis,
                                   .jarque_bera = found.jarque_bera,
                                   .jarque_bera_p = found.jarque_bera_p,
                                   .heteroscedasticity = found.heteroscedasticity,
                                   .heteroscedasticity_p = found.heteroscedasticity_p};
    run->result.diagnostics = d;
    return LUNA_RUN_OK;
}

/* A variance that no double holds is value × 2^variance_exponent: kalman_spec_get() puts the two
 * together. */
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
        if (p->length == NULL)
            values[0] = kalman_spec_get(&run->spec, p->name);
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
    size_t count = run->candidates != NULL ? run->fit.candidate_count : 0;
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

/* Statuses after which the numbers are not what the data say. */
static void put_warnings(struct run *run)
{
    enum kalman_fit_status status = run->is_fitted ? run->fit.status : KALMAN_FIT_FIXED;
    if (status == KALMAN_FIT_UNIDENTIFIED_DEFAULT || status == KALMAN_FIT_DEGENERATE_CONSTANT ||
        status == KALMAN_FIT_NOT_CONVERGED)
        run->result.warnings[run->result.warning_count++] = kalman_fit_status_text(status);
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
    put_warnings(run);
    enum luna_run_status status = run->candidates != NULL ? put_candidates(run) : LUNA_RUN_OK;
    return status == LUNA_RUN_OK ? put_parameters(run, info) : status;
}

static enum luna_run_status collect(struct run *run)
{
    const struct kalman_output *out = &run->output;
    struct luna_result *result = &run->result;
    bool smoothed = run->request->output == LUNA_OUTPUT_SMOOTHED;
    const double *variance = smoothed ? out->smoothed_variance : out->filtered_variance;
    result->n = run->request->n;
    result->processed = smoothed ? out->smoothed_mean : out->filtered_mean;
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

enum luna_run_status luna_run_check(const struct luna_request *request, struct luna_faults *faults)
{
    struct kalman_spec spec;
    return model_spec_build(request, faults, &spec) ? LUNA_RUN_OK : LUNA_RUN_FAULTS;
}

enum luna_run_status luna_run(const struct luna_request *request,
                              const struct luna_run_control *control, struct luna_arena *arena,
                              struct luna_result *ret_result, struct luna_faults *faults)
{
    struct luna_run_control own; /* libkalman's hook wants a pointer that is not const */
    struct run run = {.request = request, .arena = arena, .faults = faults};
    if (control != NULL) {
        own = *control;
        /* What libkalman may overwrite must be the request's own copy, not the client's text. */
        assert(request->values_own == NULL || request->values_own == request->values);
        run.spare = control->in_place ? request->values_own : NULL;
        run.hook = (struct kalman_hook){.cancelled = asked_to_stop, .context = &own};
        if (asked_to_stop(&own))
            return LUNA_RUN_CANCELLED;
    }
    if (!model_spec_build(request, faults, &run.spec))
        return LUNA_RUN_FAULTS;
    enum luna_run_status status = transform_series(&run);
    if (status == LUNA_RUN_OK)
        status = fit(&run);
    if (status == LUNA_RUN_OK)
        status = build(&run);
    if (status == LUNA_RUN_OK)
        status = compute(&run);
    if (status == LUNA_RUN_OK)
        status = collect(&run);
    if (status == LUNA_RUN_OK)
        *ret_result = run.result;
    return status;
}
