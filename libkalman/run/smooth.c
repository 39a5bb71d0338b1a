/* The backward pass of a run: state and disturbance smoothing, auxiliary residuals. */
#include "run/back.h"

#include "filter/square_root.h"
#include "model/system.h"
#include "numeric/expect.h"
#include "smooth/augmented.h"
#include "smooth/general.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static double *row(double *array, size_t t, size_t width)
{
    return array ? array + t * width : NULL;
}

static double quadratic(const double *V, const double *x, const double *y, size_t m)
{
    assert(V != x && V != y);
    double sum = 0.0;
    for (size_t i = 0; i < m; i++) {
        double part = 0.0; /* rows of Z are mostly zeros */
        for (size_t j = 0; j < m && x[i] != 0.0; j++)
            part += V[i * m + j] * y[j];
        sum += x[i] * part;
    }
    return sum;
}

/* value / sd(value), an auxiliary residual (DK 7.5). The smoothed disturbance has the variance
 * Var(e) - Var(e | all), a difference: NaN where that is no more than rounding of `variance`, for
 * value is rounding then too. */
static double auxiliary(double value, double spread, double variance, double to_sd)
{
    assert(!(variance < 0.0));
    return spread > 1e-12 * variance ? value * to_sd / sqrt(spread) : (double)NAN;
}

/* Of z alpha; ret_variance may be NULL. False where it is not determined. */
static bool signal_moments(struct smooth_state *smooth, const struct filter_record *record,
                           const double *z, size_t m, double *ret_mean, double *ret_variance)
{
    double variance = 0.0;
    if (record->augmented)
        return smooth_augmented_signal(smooth, record, z, ret_mean,
                                       ret_variance ? ret_variance : &variance);
    for (size_t j = 0; j < m; j++)
        *ret_mean += z[j] * smooth->mean[j];
    if (ret_variance)
        *ret_variance = smooth_signal_variance(smooth, record, z);
    return smooth_determined(smooth, z);
}

static void write_signal(struct general_run *run, struct smooth_state *smooth,
                         const struct filter_record *record, size_t t)
{
    EXPECT(t < run->request->series->count);
    const struct filter_state *f = &run->filter;
    const struct kalman_output *out = run->request->output;
    size_t p = f->model->observed, m = f->model->states;
    for (size_t i = 0; (out->smoothed_mean || out->smoothed_variance) && i < p; i++) {
        /* z alpha may be determined though no element of alpha is: a level and a season that only
         * ever appear as a sum. */
        const double *z = filter_signal_row(f, i);
        double mean = 0.0, variance = 0.0;
        bool known =
            signal_moments(smooth, record, z, m, &mean, out->smoothed_variance ? &variance : NULL);
        mean += f->now.d[i] * f->units.mean_in;
        if (out->smoothed_mean)
            out->smoothed_mean[t * p + i] =
                known ? units_mean(&f->units, f->centre, mean) : (double)NAN;
        if (out->smoothed_variance)
            out->smoothed_variance[t * p + i] =
                known ? units_variance(&f->units, variance) : (double)INFINITY;
    }
}

static void write_state(struct general_run *run, const struct smooth_state *smooth, size_t t)
{
    const struct filter_state *f = &run->filter;
    size_t m = f->model->states;
    double *mean = row(run->request->output->smoothed_state, t, m);
    double *variance = row(run->request->output->smoothed_state_variance, t, m * m);
    double *unit = run->unit, *known = unit + m;
    EXPECT(unit && t < run->request->series->count);
    /* All of them first: a covariance is known where both its states are. */
    for (size_t i = 0; i < m; i++) {
        memset(unit, 0, m * sizeof *unit);
        unit[i] = 1.0;
        known[i] = smooth_determined(smooth, unit) ? 1.0 : 0.0;
    }
    for (size_t i = 0; i < m; i++) {
        /* The centre was taken off the data; state i moves by shift_i of it. */
        double centre = f->centre * f->model->shift[i];
        if (mean)
            mean[i] =
                known[i] != 0.0 ? units_mean(&f->units, centre, smooth->mean[i]) : (double)NAN;
        for (size_t j = 0; variance && j < m; j++) {
            double unknown = i == j ? (double)INFINITY : (double)NAN;
            bool both = known[i] != 0.0 && known[j] != 0.0;
            variance[i * m + j] = both ? units_variance(&f->units, smooth->V[i * m + j]) : unknown;
        }
    }
}

/*
 * E(e_i | all) and its variance for a missing element, through the noise it shares with the
 * observed ones: g = H_oo^-1 H_oi by a Cholesky factor. error: the observed disturbances; spread:
 * their variances, p x p.
 */
static void noise_of_missing(const struct general_run *run, const double *values, size_t i,
                             const double *error, const double *spread, double *ret_mean,
                             double *ret_variance)
{
    EXPECT(i < run->filter.model->observed && run->filter.model->observed <= KALMAN_OBSERVED_MAX);
    assert(isnan(values[i]));
    const struct filter_state *f = &run->filter;
    size_t p = f->model->observed, count = 0;
    const double *H = f->now.H;
    /* run->noise: error (p) and spread (p x p) of the caller, then packed, root (p x p each), g. */
    double *root = run->noise + 2 * p * p + p, *packed = run->noise + p * p + p,
           *g = run->noise + 3 * p * p + p;
    size_t index[KALMAN_OBSERVED_MAX];
    for (size_t j = 0; j < p; j++)
        if (!isnan(values[j]))
            index[count++] = j;
    for (size_t j = 0; j < count; j++)
        for (size_t k = 0; k < count; k++)
            packed[j * count + k] = H[index[j] * p + index[k]];
    square_root_of(packed, count, root);
    for (size_t j = 0; j < count;
         j++) { /* root x = H_oi, then root' g = x; a zero pivot has no information */
        double sum = H[index[j] * p + i];
        for (size_t k = 0; k < j; k++)
            sum -= root[j * count + k] * g[k];
        g[j] = root[j * count + j] > 0.0 ? sum / root[j * count + j] : 0.0;
    }
    for (size_t j = count; j-- > 0;) {
        double sum = g[j];
        for (size_t k = j + 1; k < count; k++)
            sum -= root[k * count + j] * g[k];
        g[j] = root[j * count + j] > 0.0 ? sum / root[j * count + j] : 0.0;
    }
    /* e_i = g'e_o + what is independent of e_o: E(e_i | all) = g'E(e_o | all), and its variance is
     * H_ii - g'H_oi + g'Var(e_o | all) g. */
    double mean = 0.0, variance = H[i * p + i];
    for (size_t j = 0; j < count; j++) {
        mean += g[j] * error[index[j]];
        variance -= g[j] * H[index[j] * p + i];
        for (size_t k = 0; k < count; k++)
            variance += g[j] * g[k] * spread[index[j] * p + index[k]];
    }
    /* The difference may round below zero where H is singular and e_i is known. */
    *ret_mean = mean;
    *ret_variance = fmax(variance, 0.0);
}

/* Observation disturbances: e = y - d - Z alpha^ where observed (then Var(e|all) = Z V Z'),
 * through H where missing. */
static void write_noise(struct general_run *run, struct smooth_state *smooth,
                        const struct filter_record *record, size_t t)
{
    const struct filter_state *f = &run->filter;
    const struct kalman_output *out = run->request->output;
    size_t p = f->model->observed, m = f->model->states;
    const double *values = run->request->series->values + t * p;
    double *error = run->noise, *spread = run->noise + p;
    if (!out->observation_disturbance && !out->observation_disturbance_variance &&
        !out->observation_auxiliary)
        return;
    EXPECT(error);
    for (size_t i = 0; i < p; i++) {
        const double *z = filter_signal_row(f, i);
        /* e = y - d - Z alpha^, and Var(e | all) = Z V Z' (DK 4.5): y is known, alpha is not. From
         * the rows as given, not decorrelated, so that H between elements stays in. NaN where y is
         * missing, and not read there. */
        error[i] =
            units_deviation(&f->units, values[i], f->centre) - f->now.d[i] * f->units.mean_in;
        if (record->augmented) { /* a single element, whose states may be huge and cancel */
            double mean = 0.0;
            (void)smooth_augmented_signal(smooth, record, z, &mean, spread);
            error[i] -= mean;
            continue;
        }
        for (size_t j = 0; j < m; j++)
            error[i] -= z[j] * smooth->mean[j];
        for (size_t k = 0; k < p; k++)
            spread[i * p + k] = quadratic(smooth->V, z, filter_signal_row(f, k), m);
    }
    for (size_t i = 0; i < p; i++) {
        double mean = error[i], variance = fmax(spread[i * p + i], 0.0), H = f->now.H[i * p + i];
        if (isnan(values[i]))
            noise_of_missing(run, values, i, error, spread, &mean, &variance);
        if (out->observation_disturbance)
            out->observation_disturbance[t * p + i] = mean * f->units.mean_out;
        if (out->observation_disturbance_variance)
            out->observation_disturbance_variance[t * p + i] = units_variance(&f->units, variance);
        if (out->observation_auxiliary)
            out->observation_auxiliary[t * p + i] =
                isnan(values[i]) ? (double)NAN
                                 : auxiliary(mean, H - variance, H, f->units.mean_to_sd);
    }
}

/* State disturbances of the transition out of t, as the smoother has them. */
static void write_disturbance(struct general_run *run, const struct smooth_state *smooth, size_t t)
{
    const struct filter_state *f = &run->filter;
    const struct kalman_output *out = run->request->output;
    size_t r = f->model->disturbances;
    assert(t < run->request->series->count);
    for (size_t k = 0; k < r; k++) {
        /* Var(eta) = Var(eta | all) + Var(E(eta | all)). */
        double total = smooth->eta_variance[k] + smooth->eta_spread[k];
        if (out->state_disturbance)
            out->state_disturbance[t * r + k] = smooth->eta[k] * f->units.mean_out;
        if (out->state_disturbance_variance)
            out->state_disturbance_variance[t * r + k] =
                units_variance(&f->units, smooth->eta_variance[k]);
        if (out->state_auxiliary)
            out->state_auxiliary[t * r + k] =
                auxiliary(smooth->eta[k], smooth->eta_spread[k], total, f->units.mean_to_sd);
    }
}

static bool wants_variances(const struct kalman_output *out)
{
    return out->smoothed_variance || out->smoothed_state_variance ||
           out->observation_disturbance_variance || out->state_disturbance_variance ||
           out->observation_auxiliary || out->state_auxiliary;
}

/* Is more of V wanted than the variance of the signal? */
static bool wants_entire_variance(const struct kalman_output *out)
{
    return out->smoothed_state_variance || out->observation_disturbance_variance ||
           out->observation_auxiliary;
}

/* Everything that is wanted of point t, which the smoother has reached. */
static enum kalman_status write_point(struct general_run *run, struct smooth_state *smooth,
                                      const struct filter_record *record, size_t t)
{
    const struct kalman_output *out = run->request->output;
    enum kalman_status status = filter_observation_at(&run->filter, t, run_inputs(run, t));
    if (status != KALMAN_OK)
        return status;
    /* Before smoothed_mean, which may take the place of the observations that this reads. */
    write_noise(run, smooth, record, t);
    write_signal(run, smooth, record, t);
    if (out->smoothed_state || out->smoothed_state_variance)
        write_state(run, smooth, t);
    write_disturbance(run, smooth, t);
    return KALMAN_OK;
}

/* From t+1 to t, or to the last point of all. */
static enum kalman_status reach_point(struct general_run *run, struct smooth_state *smooth,
                                      size_t t, const struct filter_record *record)
{
    const struct kalman_series *series = run->request->series;
    EXPECT(t < series->count);
    /* After the last point a step of one unit is assumed, for the variance of its disturbance. */
    bool last = t + 1 == series->count;
    enum kalman_status status =
        filter_transition_at(&run->filter, t, last ? 1.0 : run_gap(series, t + 1));
    if (status != KALMAN_OK)
        return status;
    if (last) {
        smooth_last(smooth, record, run->filter.now.Q);
        return KALMAN_OK;
    }
    filter_root_of_noise(&run->filter);
    smooth_step(smooth, record, &run->filter.now, &run->filter.T, run->filter.units.mean_in);
    return KALMAN_OK;
}

static enum kalman_status point_back(struct general_run *run, void *smoother, size_t t, size_t from)
{
    EXPECT(t >= from && t - from < run->block);
    struct smooth_state *smooth = smoother;
    const struct filter_record *record = &run->records[t - from];
    /* The square-root form starts from an entire V, and a record does not outlive its block. */
    smooth->full =
        wants_entire_variance(run->request->output) || t == from || run->records[t - from - 1].root;
    enum kalman_status status = reach_point(run, smooth, t, record);
    if (status == KALMAN_OK)
        status = write_point(run, smooth, record, t);
    smooth_observation(smooth, record);
    return status;
}

enum kalman_status run_smooth_back(struct general_run *run)
{
    struct smooth_state smooth;
    smooth_init(&smooth, run->filter.model, wants_variances(run->request->output),
                run->smooth_arrays);
    smooth.cancel = &run->cancel;
    if (run->filter.model->collinear)
        smooth_augmented_begin(&smooth, &run->filter.start);
    return run_blocks_back(run, point_back, &smooth);
}
