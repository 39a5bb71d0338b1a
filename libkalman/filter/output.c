/* From the engine's units and centre to the caller's. */
#include "filter/state.h"

#include "filter/summary.h"
#include "model/series_check.h"
#include "model/system.h"
#include "numeric/dense.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

bool filter_determined(const double *A, size_t leading, size_t columns, size_t m, const double *x)
{
    EXPECT(columns <= leading || m == 0);
    /* x'alpha has a diffuse part exactly when A'x != 0. Rounding leaves 1e-16 of the terms of a
     * zero. */
    double square = 0.0, size = 0.0;
    for (size_t j = 0; j < columns; j++) {
        double sum = 0.0, terms = 0.0;
        for (size_t i = 0; i < m; i++) {
            sum += x[i] * A[i * leading + j];
            terms += fabs(x[i] * A[i * leading + j]);
        }
        square += sum * sum;
        size += terms * terms;
    }
    return !(square > 1e-20 * size);
}

void filter_variance(const struct filter_state *f, double *ret_P)
{
    EXPECT(ret_P != f->P);
    size_t m = f->model->states;
    if (!f->root) {
        memcpy(ret_P, f->P, m * m * sizeof(double));
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < m; k++)
                sum += f->P[i * m + k] * f->P[j * m + k];
            ret_P[i * m + j] = sum;
            ret_P[j * m + i] = sum;
        }
}

/* x'P x for a row of Z; in the square-root form the squared length of S'x. */
static double quadratic(const struct filter_state *f, const double *x)
{
    size_t m = f->model->states;
    double sum = 0.0;
    for (size_t i = 0; i < m && !f->root; i++) {
        double row = 0.0;
        for (size_t j = 0; j < m && x[i] != 0.0; j++)
            row += f->P[i * m + j] * x[j];
        sum += x[i] * row;
    }
    for (size_t j = 0; j < m && f->root; j++) {
        double column = 0.0;
        for (size_t i = 0; i < m; i++)
            column += f->P[i * m + j] * x[i];
        sum += column * column;
    }
    return fmax(sum, 0.0);
}

/* Row i of Z with the known inputs, whatever decorrelation did to f->z. Inputs belong to single
 * observations, whose row is never touched by it. */
const double *filter_signal_row(const struct filter_state *f, size_t i)
{
    EXPECT(i < f->model->observed);
    assert(f->model->input_count == 0 || f->model->observed == 1);
    return f->model->input_count > 0 ? f->z : f->now.Z + i * f->model->states;
}

/* A start by regression: z'a + V delta^, and z'P z + c'c. */
static void augmented_signal_out(const struct filter_state *f, const double *z, double *ret_mean,
                                 double *ret_variance)
{
    struct augmented start = f->start;
    double mean = 0.0, variance = quadratic(f, z);
    if (!augmented_signal(&start, start.E, z, NULL, f->w, &mean)) {
        *ret_mean = (double)NAN;
        *ret_variance = (double)INFINITY;
        return;
    }
    for (size_t k = 0; k < start.columns; k++)
        variance += f->w[k] * f->w[k];
    *ret_mean = units_mean(&f->units, f->centre, mean + f->now.d[0] * f->units.mean_in);
    *ret_variance = units_variance(&f->units, variance);
}

void filter_signal(const struct filter_state *f, size_t i, double *ret_mean, double *ret_variance)
{
    EXPECT(i < f->model->observed);
    size_t m = f->model->states;
    const double *z = filter_signal_row(f, i);
    if (f->augmented) {
        augmented_signal_out(f, z, ret_mean, ret_variance);
        return;
    }
    if (!filter_determined(f->A, f->model->diffuse, f->diffuse_left, m, z)) {
        *ret_mean = (double)NAN;
        *ret_variance = (double)INFINITY;
        return;
    }
    double mean = f->now.d[i] * f->units.mean_in;
    for (size_t j = 0; j < m; j++)
        mean += z[j] * f->a[j];
    *ret_mean = units_mean(&f->units, f->centre, mean);
    *ret_variance = units_variance(&f->units, quadratic(f, z));
}

double filter_standardised(const struct filter_state *filter, const struct filter_element *element)
{
    if (element->kind != FILTER_ORDINARY)
        return (double)NAN;
    return element->v * filter->units.mean_to_sd / sqrt(element->F);
}

static bool state_determined(const struct filter_state *f, size_t i)
{
    EXPECT(i < f->model->states);
    for (size_t j = 0; j < f->diffuse_left; j++)
        if (f->A[i * f->model->diffuse + j] != 0.0)
            return false;
    return true;
}

/* The states of a start by regression: all or none are determined. */
static void augmented_moments_out(const struct filter_state *f, double *ret_mean,
                                  double *ret_variance)
{
    EXPECT(f->start_root != NULL);
    struct augmented start = f->start;
    size_t m = f->model->states, d = f->model->diffuse;
    double *mean = f->M, *root = f->start_root;
    bool known = augmented_states(&start, start.E, NULL, mean, root);
    for (size_t i = 0; ret_mean && i < m; i++)
        ret_mean[i] =
            known ? units_mean(&f->units, f->centre * f->model->shift[i], mean[i]) : (double)NAN;
    for (size_t i = 0; ret_variance && i < m; i++)
        for (size_t j = 0; j < m; j++) {
            double unknown = i == j ? (double)INFINITY : (double)NAN,
                   sum = f->P[i * m + j] + dense_dot(root + i * d, root + j * d, start.columns);
            ret_variance[i * m + j] = known ? units_variance(&f->units, sum) : unknown;
        }
}

void filter_state_moments(const struct filter_state *f, double *ret_mean, double *ret_variance)
{
    size_t m = f->model->states;
    if (f->augmented) {
        augmented_moments_out(f, ret_mean, ret_variance);
        return;
    }
    for (size_t i = 0; ret_mean && i < m; i++) {
        /* The engine works on y - centre; shift says how the state moves with that
         * (model/system.h). */
        double centre = f->centre * f->model->shift[i];
        ret_mean[i] = state_determined(f, i) ? units_mean(&f->units, centre, f->a[i]) : (double)NAN;
    }
    if (!ret_variance)
        return;
    filter_variance(f, ret_variance);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            bool known = state_determined(f, i) && state_determined(f, j);
            double unknown = i == j ? (double)INFINITY : (double)NAN;
            ret_variance[i * m + j] =
                known ? units_variance(&f->units, ret_variance[i * m + j]) : unknown;
        }
}

void filter_summary(const struct filter_state *f, struct kalman_summary *ret_summary)
{
    summary_fill(&f->sum, f->units.sd_exponent, f->steady_at, ret_summary);
}

size_t filter_step_work(const struct filter_state *f)
{
    /* T P T' is 2 nnz(T) m, an element's update 2 m^2 and more; 16 m for what is done once a
     * step. */
    size_t m = f->model->states, p = f->model->observed, entries = f->T.start[m];
    /* the square-root form's array, at its worst */
    size_t compress = f->root ? m * (m + f->model->disturbances) : 0;
    /* a regression's numbers of twice the precision cost about as much as twenty others */
    if (f->augmented)
        compress = 20 * (2 * entries / m + 4 + f->model->diffuse / m) * f->model->diffuse;
    return (2 * entries + (p + 4) * m + compress + 16) * m;
}

enum kalman_status filter_forecast(struct filter_state *f, double last_time,
                                   struct kalman_forecast *forecast, struct cancel_check *cancel)
{
    size_t p = f->model->observed, k = f->model->input_count;
    double time = last_time;
    f->steady = false; /* nothing is observed from here on */
    for (size_t h = 0; h < forecast->horizon; h++) {
        double dt = forecast->times ? forecast->times[h] - time : 1.0;
        if (cancel_poll(cancel, filter_step_work(f)))
            return KALMAN_ECANCELLED;
        time = forecast->times ? forecast->times[h] : time + 1.0;
        enum kalman_status status =
            filter_predict(f, dt, forecast->inputs ? forecast->inputs + h * k : NULL);
        if (status != KALMAN_OK)
            return status;
        for (size_t i = 0; i < p; i++) {
            double mean = 0.0, signal = 0.0;
            filter_signal(f, i, &mean, &signal);
            /* Var(y) = z P z' + H: an observation has its noise on top of the signal (DK 4.11). */
            double variance = signal + units_variance(&f->units, f->now.H[i * p + i]);
            if (forecast->mean)
                forecast->mean[h * p + i] = mean;
            if (forecast->variance)
                forecast->variance[h * p + i] = variance;
            if (forecast->signal_variance)
                forecast->signal_variance[h * p + i] = signal;
            forecast_bounds(forecast, p, h * p + i, mean, variance);
        }
        f->count++;
    }
    return KALMAN_OK;
}
