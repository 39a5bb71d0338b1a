/* The way back of a run: state and disturbance smoothing, auxiliary residuals. */
#include "run_general.h"

#include "model_system.h"
#include "square_root.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static double *row(double *array, size_t t, size_t width)
{
    return array ? array + t * width : NULL;
}

static double quadratic(const double *V, const double *x, const double *y, size_t m)
{
    double sum = 0.0;
    for (size_t i = 0; i < m; i++) {
        double part = 0.0;
        for (size_t j = 0; j < m && x[i] != 0.0; j++)
            part += V[i * m + j] * y[j];
        sum += x[i] * part;
    }
    return sum;
}

/* value / sd(value), NaN when that is no more than rounding of the variance it is part of. */
static double auxiliary(double value, double spread, double variance, double to_sd)
{
    return spread > 1e-12 * variance ? value * to_sd / sqrt(spread) : (double)NAN;
}

static void write_signal(struct general_run *run, struct smooth_state *smooth,
                         const struct filter_record *record, size_t t)
{
    const struct filter_state *f = &run->filter;
    const struct kalman_output *out = run->request->output;
    size_t p = f->model->observed, m = f->model->states;
    for (size_t i = 0; (out->smoothed_mean || out->smoothed_variance) && i < p; i++) {
        const double *z = filter_signal_row(f, i);
        int known = smooth_determined(smooth, record, z);
        double mean = f->now.d[i] * f->units.mean_in;
        for (size_t j = 0; j < m; j++)
            mean += z[j] * run->mean[j];
        if (out->smoothed_mean)
            out->smoothed_mean[t * p + i] = known ? units_mean(&f->units, f->centre, mean) : (double)NAN;
        if (out->smoothed_variance) {
            double variance = fmax(quadratic(run->variance, z, z, m), 0.0);
            out->smoothed_variance[t * p + i] =
                known ? units_variance(&f->units, variance) : (double)INFINITY;
        }
    }
}

static void write_state(struct general_run *run, struct smooth_state *smooth,
                        const struct filter_record *record, size_t t)
{
    const struct filter_state *f = &run->filter;
    size_t m = f->model->states;
    double *mean = row(run->request->output->smoothed_state, t, m);
    double *variance = row(run->request->output->smoothed_state_variance, t, m * m);
    double *unit = smooth->K1; /* free between observations */
    double *known = smooth->y;
    for (size_t i = 0; i < m; i++) {
        memset(unit, 0, m * sizeof *unit);
        unit[i] = 1.0;
        known[i] = smooth_determined(smooth, record, unit) ? 1.0 : 0.0;
    }
    for (size_t i = 0; i < m; i++) {
        double centre = (int)i == f->model->level_state ? f->centre : 0.0;
        if (mean)
            mean[i] = known[i] != 0.0 ? units_mean(&f->units, centre, run->mean[i]) : (double)NAN;
        for (size_t j = 0; variance && j < m; j++) {
            double unknown = i == j ? (double)INFINITY : (double)NAN;
            int both = known[i] != 0.0 && known[j] != 0.0;
            variance[i * m + j] = both ? units_variance(&f->units, run->variance[i * m + j]) : unknown;
        }
    }
}

/*
 * E(e_i | all) and its variance for a missing element, through the noise it shares with the observed ones:
 * g = H_oo^-1 H_oi by a Cholesky factor. error: the observed disturbances; spread: their variances, p x p.
 */
static void noise_of_missing(const struct general_run *run, const double *values, size_t i,
                             const double *error, const double *spread, double *ret_mean,
                             double *ret_variance)
{
    const struct filter_state *f = &run->filter;
    size_t p = f->model->observed, count = 0;
    const double *H = f->now.H;
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
         j++) { /* root x = H_oi, then root' g = x; a zero pivot has nothing to tell */
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
    double mean = 0.0, variance = H[i * p + i];
    for (size_t j = 0; j < count; j++) {
        mean += g[j] * error[index[j]];
        variance -= g[j] * H[index[j] * p + i];
        for (size_t k = 0; k < count; k++)
            variance += g[j] * g[k] * spread[index[j] * p + index[k]];
    }
    *ret_mean = mean;
    *ret_variance = fmax(variance, 0.0);
}

/* Observation disturbances: e = y - d - Z alpha^ where observed (then Var(e|all) = Z V Z'), through H where missing. */
static void write_noise(struct general_run *run, size_t t)
{
    const struct filter_state *f = &run->filter;
    const struct kalman_output *out = run->request->output;
    size_t p = f->model->observed, m = f->model->states;
    const double *values = run->request->series->values + t * p;
    double *error = run->noise, *spread = run->noise + p;
    if (!out->observation_disturbance && !out->observation_disturbance_variance &&
        !out->observation_auxiliary)
        return;
    for (size_t i = 0; i < p; i++) {
        const double *z = filter_signal_row(f, i);
        error[i] = units_deviation(&f->units, values[i], f->centre) - f->now.d[i] * f->units.mean_in;
        for (size_t j = 0; j < m; j++)
            error[i] -= z[j] * run->mean[j];
        for (size_t k = 0; k < p; k++)
            spread[i * p + k] = quadratic(run->variance, z, filter_signal_row(f, k), m);
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
                isnan(values[i]) ? (double)NAN : auxiliary(mean, H - variance, H, f->units.mean_to_sd);
    }
}

/* State disturbances of the transition into the point in hand: Q R' r and the diagonal of Q - Q R' N R Q (DK 4.5.2). */
static void write_disturbance(struct general_run *run, const struct smooth_state *smooth, size_t t, int last)
{
    const struct filter_state *f = &run->filter;
    const struct kalman_output *out = run->request->output;
    size_t m = f->model->states, r = f->model->disturbances;
    double *column = smooth->x, *image = smooth->y;
    for (size_t k = 0; k < r; k++) {
        double mean = 0.0, spread = 0.0, Q = f->now.Q[k * r + k];
        for (size_t i = 0; i < m; i++) { /* column k of R Q */
            double sum = 0.0;
            for (size_t l = 0; l < r; l++)
                sum += f->now.R[i * r + l] * f->now.Q[l * r + k];
            column[i] = sum;
        }
        for (size_t i = 0; i < m && !last; i++) {
            image[i] = 0.0;
            for (size_t j = 0; j < m && column[i] != 0.0 && smooth->variances; j++)
                image[i] += smooth->N0[i * m + j] * column[j];
            mean += column[i] * smooth->r0[i];
            spread += column[i] * image[i];
        }
        spread = fmax(spread, 0.0);
        if (out->state_disturbance)
            out->state_disturbance[t * r + k] = mean * f->units.mean_out;
        if (out->state_disturbance_variance)
            out->state_disturbance_variance[t * r + k] = units_variance(&f->units, fmax(Q - spread, 0.0));
        if (out->state_auxiliary)
            out->state_auxiliary[t * r + k] = auxiliary(mean, spread, Q, f->units.mean_to_sd);
    }
}

static int wants_disturbance(const struct kalman_output *out)
{
    return out->state_disturbance || out->state_disturbance_variance || out->state_auxiliary;
}

static int wants_variances(const struct kalman_output *out)
{
    return out->smoothed_variance || out->smoothed_state_variance || out->observation_disturbance_variance ||
           out->state_disturbance_variance || out->observation_auxiliary || out->state_auxiliary;
}

/* Back over one point: from after its update (r, N there) to before the transition into it. */
static int smooth_point(struct general_run *run, struct smooth_state *smooth,
                        const struct filter_record *record, size_t t, size_t *diffuse_after)
{
    const struct kalman_output *out = run->request->output;
    int status = filter_matrices_at(&run->filter, t, run_gap(run->request->series, t), run_inputs(run, t));
    if (status != KALMAN_OK)
        return status;
    smooth_observation(smooth, record, *diffuse_after);
    *diffuse_after = record->diffuse_left;
    smooth_moments(smooth, record, run->mean, smooth->variances ? run->variance : NULL);
    write_signal(run, smooth, record, t);
    if (out->smoothed_state || out->smoothed_state_variance)
        write_state(run, smooth, record, t);
    write_noise(run, t);
    if (t == 0)
        return KALMAN_OK;
    if (wants_disturbance(out))
        write_disturbance(run, smooth, t - 1, 0);
    smooth_transition(smooth, &run->filter.T);
    return KALMAN_OK;
}

int run_smooth_back(struct general_run *run)
{
    const struct kalman_series *series = run->request->series;
    const struct kalman_output *out = run->request->output;
    const struct kalman_hook *hook = &run->request->options->hook;
    struct smooth_state smooth;
    smooth_init(&smooth, run->filter.model, wants_variances(out), run->unresolved, run->smooth_arrays);
    memset(run->variance, 0, run->filter.model->states * run->filter.model->states * sizeof(double));
    size_t diffuse_after = run->unresolved, end = series->count;
    const double centre = run->filter.centre; /* blocks before the first value do not know it yet */
    if (wants_disturbance(out)) {             /* nothing after the end tells about the last disturbance */
        int status = filter_transition_at(&run->filter, end - 1, 1.0);
        if (status != KALMAN_OK)
            return status;
        write_disturbance(run, &smooth, end - 1, 1);
    }
    while (end > 0) {
        size_t from = run->checkpoints ? (end - 1) / run->block * run->block : 0;
        if (hook->cancelled && hook->cancelled(hook->context))
            return KALMAN_ECANCELLED;
        if (run->checkpoints) {
            filter_copy(&run->filter, &run->checkpoints[from / run->block]);
            int status = run_stretch(run, from, end, 0, 1);
            if (status != KALMAN_OK)
                return status;
            run->filter.centre = centre;
        }
        for (size_t t = end; t-- > from;) {
            int status = smooth_point(run, &smooth, &run->records[t - from], t, &diffuse_after);
            if (status != KALMAN_OK)
                return status;
        }
        end = from;
    }
    return KALMAN_OK;
}
