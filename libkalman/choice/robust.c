/*
 * Fits that a few wrong values do not reach: fit, run the robust filter with what was found, leave
 * out the values that it finds far off, and fit again, until nothing changes.
 */
#include "numeric/expect.h"

#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { rounds_max = 8, shift_length = 4, share_max = 5 };

/* A value is left out further from its prediction than the filter's bound, by this factor: at a
 * bound of 3 standard deviations one in 16,000 of normal values, without which a variance is .1 %
 * too small. */
static const double cut = 4.0 / 3.0;
/* Median of |N(0,1)|. */
static const double median_normal = 0.67448975019608174;

/* One call. */
struct robust_fit {
    const struct kalman_spec *spec;
    const struct kalman_series *series;
    const struct kalman_fit_options *options;
    double threshold;
    double *kept;         /* the values, NaN where left out */
    double *judged;       /* n: all values, on the scale of the last fit */
    double *standardized; /* n: how far each value is from its prediction */
    double *sorted;       /* n: scratch */
    unsigned char *far;   /* n: what the last round leaves out */
    void *workspace;      /* of the fit */
    size_t workspace_bytes;
    struct kalman_candidate *candidates;
};

static size_t aligned(size_t bytes)
{
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

enum kalman_status kalman_fit_robust_bytes(const struct kalman_spec *spec, size_t count,
                                           size_t *ret_bytes)
{
    size_t bytes = 0;
    enum kalman_status status = kalman_fit_bytes(spec, count, &bytes);
    if (status == KALMAN_OK)
        *ret_bytes = aligned(bytes) + aligned(count * (3 * sizeof(double) + 1));
    return status;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Standard deviation of most of the standardised innovations: more than one where the fitted
 * variances are too small, less where wrong values have inflated them. 0 where most are exact. */
static double spread_of_most(const struct robust_fit *r)
{
    size_t count = 0;
    for (size_t t = 0; t < r->series->count; t++)
        if (isfinite(r->standardized[t]))
            r->sorted[count++] = fabs(r->standardized[t]);
    if (count == 0)
        return 0;
    qsort(r->sorted, count, sizeof(double), compare);
    return r->sorted[count / 2] / median_normal;
}

/* The robust filter's standardised innovations. */
static enum kalman_status predict_all(struct robust_fit *r, const struct kalman_model *model,
                                      double threshold)
{
    struct kalman_options options = {.robust_threshold = fmin(fmax(threshold, 0.1), 1e6)};
    struct kalman_output output = {.standardized = r->standardized};
    struct kalman_summary summary;
    size_t bytes = 0;
    if (r->options)
        options.hook = r->options->hook;
    enum kalman_status status =
        kalman_run_bytes(model, r->series->count, &options, &output, &bytes);
    if (status != KALMAN_OK)
        return status;
    void *memory = aligned_alloc(KALMAN_ALIGN, aligned(bytes) + KALMAN_ALIGN);
    if (!memory)
        return KALMAN_ENOMEM;
    struct kalman_series judged = *r->series;
    judged.values = r->judged;
    status = kalman_run(model, &judged, &options, &output, memory, bytes, &summary);
    free(memory);
    return status;
}

/* A run of values far off on one side is not a few wrong ones but what the series did: a shift of
 * its level, which the model has to explain. */
static void keep_shifts(const struct robust_fit *r)
{
    size_t n = r->series->count, length = 0, first = 0;
    double side = 0;
    for (size_t t = 0; t <= n; t++) {
        if (t < n && isnan(r->series->values[t]))
            continue;
        bool goes_on = t < n && r->far[t] && side * r->standardized[t] > 0;
        if (goes_on) {
            length++;
            continue;
        }
        if (length >= shift_length)
            memset(r->far + first, 0, t - first);
        length = t < n && r->far[t] ? 1 : 0;
        first = t;
        side = t < n ? r->standardized[t] : 0;
    }
}

/* Marks what is far off; returns how many. */
static size_t mark_far(const struct robust_fit *r, double spread)
{
    size_t n = r->series->count, count = 0;
    for (size_t t = 0; t < n; t++)
        r->far[t] = fabs(r->standardized[t]) > cut * r->threshold * spread;
    keep_shifts(r);
    for (size_t t = 0; t < n; t++) {
        r->far[t] |= isnan(r->judged[t]) && !isnan(r->series->values[t]);
        count += r->far[t];
    }
    return count;
}

/* Leaves out what is marked; false when that is what was left out before. */
static bool leave_out(const struct robust_fit *r)
{
    bool changed = false;
    for (size_t t = 0; t < r->series->count; t++) {
        bool observed = !isnan(r->series->values[t]), kept = !isnan(r->kept[t]);
        changed = changed || (observed && kept == (r->far[t] != 0));
        r->kept[t] = r->far[t] ? (double)NAN : r->series->values[t];
    }
    return changed;
}

/* All values on the scale of the fit, into r->judged. A wrong value need not have a logarithm, even
 * if those that were kept have: it becomes missing. */
static enum kalman_status take_scale(const struct robust_fit *r, const struct kalman_fit *fit)
{
    size_t bad_index = 0, n = r->series->count;
    bool positive = fit->transform.kind != KALMAN_TRANSFORM_NONE;
    for (size_t t = 0; t < n; t++) {
        double y = r->series->values[t];
        r->judged[t] = positive && !(y > 0) ? (double)NAN : y;
    }
    return kalman_transform_apply(&fit->transform, r->judged, n, r->judged, &bad_index);
}

/* One round: what do the fitted parameters find far off? *ret_changed: another fit is due. */
static enum kalman_status find_far(struct robust_fit *r, const struct kalman_fit *fit,
                                   size_t *ret_left_out, bool *ret_changed)
{
    struct kalman_model *model = NULL;
    *ret_changed = false;
    enum kalman_status status = take_scale(r, fit);
    if (status == KALMAN_OK)
        status = kalman_model_new(&fit->spec, &model);
    if (status == KALMAN_OK)
        status = predict_all(r, model, r->threshold);
    double spread = status == KALMAN_OK ? spread_of_most(r) : 0;
    /* Where wrong values have inflated the variances, they have not been bounded. */
    if (status == KALMAN_OK && spread > 0 && spread < 0.5)
        status = predict_all(r, model, r->threshold * spread);
    kalman_model_free(model);
    if (status != KALMAN_OK)
        return status;
    spread = spread_of_most(r);
    size_t found = spread > 0 ? mark_far(r, spread) : 0;
    /* What is a large part of the series is not its few wrong values. */
    if (spread > 0 && found <= r->series->count / share_max) {
        *ret_left_out = found;
        *ret_changed = leave_out(r);
    }
    return KALMAN_OK;
}

static enum kalman_status fit_kept(const struct robust_fit *r, struct kalman_fit *ret_fit)
{
    struct kalman_series kept = *r->series;
    kept.values = r->kept;
    return kalman_fit(r->spec, &kept, r->options, r->workspace, r->workspace_bytes, r->candidates,
                      ret_fit);
}

static bool has_estimates(const struct kalman_spec *spec, const struct kalman_fit *fit)
{
    return (spec->kind == KALMAN_AUTO || kalman_spec_free_count(spec) > 0) &&
           fit->status != KALMAN_FIT_UNIDENTIFIED_DEFAULT &&
           fit->status != KALMAN_FIT_DEGENERATE_CONSTANT;
}

/* Where the logarithms were chosen, the values kept become theirs, and the caller's array has the
 * logarithms of all values again. */
static enum kalman_status to_scale_of_fit(const struct robust_fit *r, const struct kalman_fit *fit)
{
    size_t bad_index = 0, n = r->series->count;
    if (fit->transform.kind == KALMAN_TRANSFORM_NONE)
        return KALMAN_OK;
    enum kalman_status status =
        kalman_transform_apply(&fit->transform, r->kept, n, r->kept, &bad_index);
    if (status == KALMAN_OK)
        status = take_scale(r, fit);
    memcpy(r->options->logarithms, r->judged, n * sizeof(double));
    return status;
}

enum kalman_status kalman_fit_robust(const struct kalman_spec *spec,
                                     const struct kalman_series *series,
                                     const struct kalman_fit_options *options, double threshold,
                                     void *workspace, size_t workspace_bytes,
                                     struct kalman_candidate *candidates, double *ret_kept,
                                     size_t *ret_left_out, struct kalman_fit *ret_fit)
{
    size_t needed = 0, fit_bytes = 0;
    if (!spec || !series || !ret_kept || !ret_left_out || !ret_fit ||
        !(threshold >= 0.1 && threshold <= 1e6))
        return KALMAN_EINVAL;
    enum kalman_status status = kalman_fit_robust_bytes(spec, series->count, &needed);
    if (status == KALMAN_OK)
        status = kalman_fit_bytes(spec, series->count, &fit_bytes);
    if (status != KALMAN_OK)
        return status;
    if (!workspace || workspace_bytes < needed || (uintptr_t)workspace % KALMAN_ALIGN != 0)
        return KALMAN_EWORKSPACE;
    if (series->count > 0 && !series->values)
        return KALMAN_EINVAL;
    double *arrays = (double *)(void *)((char *)workspace + aligned(fit_bytes));
    struct robust_fit r = {.spec = spec,
                           .series = series,
                           .options = options,
                           .threshold = threshold,
                           .kept = ret_kept,
                           .standardized = arrays,
                           .sorted = arrays + series->count,
                           .judged = arrays + 2 * series->count,
                           .far = (unsigned char *)(arrays + 3 * series->count),
                           .workspace = workspace,
                           .workspace_bytes = fit_bytes,
                           .candidates = candidates};
    if (series->count > 0)
        memcpy(ret_kept, series->values, series->count * sizeof(double));
    *ret_left_out = 0;
    bool changed = true;
    for (int round = 0; changed && status == KALMAN_OK; round++) {
        status = fit_kept(&r, ret_fit);
        changed = status == KALMAN_OK && round < rounds_max && has_estimates(spec, ret_fit);
        if (changed)
            status = find_far(&r, ret_fit, ret_left_out, &changed);
    }
    return status == KALMAN_OK ? to_scale_of_fit(&r, ret_fit) : status;
}
