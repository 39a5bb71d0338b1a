#include "score.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum step_kind { STEP_MISSING, STEP_DIFFUSE, STEP_ORDINARY, STEP_EXACT };

/* Below these an innovation variance is rounding: relative to the sizes of the terms that it is the sum of.
 */
static const double diffuse_tolerance = 1e-10, floor_tolerance = 1e-13, exact_tolerance = 1e-15;

static size_t sparse_bytes(size_t m)
{
    return m * m * sizeof(struct kalman_entry) + (m + 1) * sizeof(unsigned);
}

size_t kalman_score_bytes(size_t states, size_t disturbances, size_t count, bool gradient)
{
    size_t m = states, square = m * m;
    size_t doubles =
        6 * m + 7 * square + disturbances * disturbances + 2 * count + (gradient ? count : 1) * m;
    return doubles * sizeof(double) + m * sizeof(struct kalman_entry) + 2 * sparse_bytes(m) + 2 * m + count;
}

static double *take(double **cursor, size_t count)
{
    double *start = *cursor;
    *cursor += count;
    return start;
}

void kalman_score_prepare(struct kalman_score *score, const struct kalman_model *model,
                          const struct kalman_series *series, bool gradient, void *workspace)
{
    size_t m = model->states, square = m * m, n = series->count;
    double *cursor = workspace;
    *score = (struct kalman_score){.model = model,
                                   .values = series->values,
                                   .times = series->times,
                                   .inputs = series->inputs,
                                   .count = n,
                                   .states = m,
                                   .disturbances = model->disturbances,
                                   .diffuse_states = model->diffuse,
                                   .input_count = model->input_count};
    score->mean = take(&cursor, m);
    score->backward_mean = take(&cursor, m);
    score->gain = take(&cursor, 2 * m);
    score->diffuse_gain = take(&cursor, 2 * m);
    score->variance = take(&cursor, square);
    score->diffuse = take(&cursor, square);
    score->product = take(&cursor, square);
    score->spare = take(&cursor, square);
    score->backward_variance = take(&cursor, square);
    score->step_transition = take(&cursor, square);
    score->step_noise = take(&cursor, square);
    score->step_q = take(&cursor, model->disturbances * model->disturbances);
    score->step_v = take(&cursor, n);
    score->step_f = take(&cursor, n);
    score->gain_step = gradient ? m : 0;
    score->step_gain = take(&cursor, (gradient ? n : 1) * m);
    score->design = (struct kalman_entry *)(void *)cursor;
    score->forward.entries = score->design + m;
    score->backward.entries = score->forward.entries + square;
    score->forward.start = (unsigned *)(void *)(score->backward.entries + square);
    score->backward.start = score->forward.start + m + 1;
    score->forward.shifts = (unsigned char *)(score->backward.start + m + 1);
    score->backward.shifts = score->forward.shifts + m;
    score->step_kind = score->backward.shifts + m;
}

/* The non-zeros of a matrix by rows; row_step and column_step are 1 and m to read its transpose. */
static void load_sparse(struct kalman_sparse *sparse, size_t m, const double *matrix, size_t row_step,
                        size_t column_step)
{
    unsigned used = 0;
    for (size_t i = 0; i < m; i++) {
        unsigned first = used;
        sparse->start[i] = first;
        for (size_t j = 0; j < m; j++) {
            double value = matrix[i * row_step + j * column_step];
            if (value != 0)
                sparse->entries[used++] = (struct kalman_entry){(unsigned)j, value};
        }
        sparse->shifts[i] = used == first + 1 && sparse->entries[first].value == 1;
    }
    sparse->start[m] = used;
}

/* T and R Q R' of the step from t to t + 1 where times are given. */
static void load_step(struct kalman_score *s, size_t t)
{
    const struct kalman_model *model = s->model;
    memcpy(s->step_transition, model->T, s->states * s->states * sizeof(double));
    memcpy(s->step_q, model->Q, s->disturbances * s->disturbances * sizeof(double));
    model->builder->step(model, s->times[t + 1] - s->times[t], s->step_transition, s->step_q);
    model_noise(model, model->R, s->step_q, s->step_noise);
    load_sparse(&s->forward, s->states, s->step_transition, s->states, 1);
    s->noise = s->step_noise;
}

static void load_design(struct kalman_score *s)
{
    size_t own = s->states - s->input_count;
    s->design_count = 0;
    for (size_t j = 0; j < s->states; j++)
        if (j >= own || s->model->Z[j] != 0)
            s->design[s->design_count++] = (struct kalman_entry){(unsigned)j, s->model->Z[j]};
}

static void load_inputs(struct kalman_score *s, size_t t)
{
    for (size_t j = 0; j < s->input_count; j++)
        s->design[s->design_count - s->input_count + j].value = s->inputs[t * s->input_count + j];
}

/* The diffuse part is kept as a factor, P_inf = A A', whose columns are used up one by one: its rank is then known exactly,
   and a direction that is left over is not hidden by the rounding of those that are done with. */
static void start(struct kalman_score *s)
{
    const struct kalman_model *model = s->model;
    size_t m = s->states, d = s->diffuse_states;
    s->unit = ldexp(1, -model->sd_exponent);
    for (size_t i = 0; i < m; i++)
        s->mean[i] = model->a1[i] * s->unit;
    memcpy(s->diffuse, model->A1, m * d * sizeof(double));
    s->rank = d;
    memcpy(s->variance, model->P1, m * m * sizeof(double));
    s->noise = model->V;
    load_sparse(&s->forward, m, model->T, m, 1);
    load_design(s);
}

/* out = matrix z; returns z' matrix z, and the sum of the magnitudes of its terms. */
static double project(const struct kalman_score *s, const double *matrix, double *out, double *ret_magnitude)
{
    size_t m = s->states;
    double sum = 0, magnitude = 0;
    for (size_t i = 0; i < m; i++)
        out[i] = 0;
    for (unsigned k = 0; k < s->design_count; k++) {
        const double *row = matrix + s->design[k].column * m;
        double weight = s->design[k].value;
        for (size_t i = 0; i < m; i++)
            out[i] += weight * row[i];
    }
    for (unsigned k = 0; k < s->design_count; k++)
        sum += s->design[k].value * out[s->design[k].column];
    for (unsigned k = 0; k < s->design_count; k++)
        for (unsigned l = 0; l < s->design_count; l++)
            magnitude += fabs(s->design[k].value * s->design[l].value *
                              matrix[s->design[k].column * m + s->design[l].column]);
    *ret_magnitude = magnitude;
    return sum;
}

/* along = A'z with what is only rounding set to 0; returns F_inf = along' along. */
static double diffuse_along(const struct kalman_score *s, double *along)
{
    size_t m = s->states, d = s->diffuse_states;
    double sum = 0, design_size = 0;
    for (unsigned k = 0; k < s->design_count; k++)
        design_size = fmax(design_size, fabs(s->design[k].value));
    for (size_t j = 0; j < s->rank; j++) {
        double a = 0, magnitude = 0, column = 0;
        for (unsigned k = 0; k < s->design_count; k++) {
            double term = s->design[k].value * s->diffuse[s->design[k].column * d + j];
            a += term;
            magnitude += fabs(term);
        }
        for (size_t i = 0; i < m; i++)
            column = fmax(column, fabs(s->diffuse[i * d + j]));
        bool rounding =
            fabs(a) <= diffuse_tolerance * magnitude || fabs(a) <= floor_tolerance * column * design_size;
        along[j] = rounding ? 0 : a;
        sum += along[j] * along[j];
    }
    return sum;
}

/* Turns the columns so that `along` lies in the last one, and drops that: the others no longer reach the observation. */
static void use_up(struct kalman_score *s, double *along, double f_diffuse)
{
    size_t d = s->diffuse_states, rank = s->rank;
    double reflector = 0;
    along[rank - 1] += copysign(sqrt(f_diffuse), along[rank - 1]);
    for (size_t j = 0; j < rank; j++)
        reflector += along[j] * along[j];
    for (size_t i = 0; i < s->states; i++) {
        double *row = s->diffuse + i * d, dot = 0;
        for (size_t j = 0; j < rank; j++)
            dot += row[j] * along[j];
        for (size_t j = 0; j < rank; j++)
            row[j] -= 2 * dot / reflector * along[j];
    }
    s->rank--;
}

static void diffuse_update(struct kalman_score *s, size_t t, double v, double f, double *along,
                           double f_diffuse)
{
    size_t m = s->states, d = s->diffuse_states;
    double *k0 = s->step_gain + t * s->gain_step;
    for (size_t i = 0; i < m; i++) {
        double sum = 0;
        for (size_t j = 0; j < s->rank; j++)
            sum += s->diffuse[i * d + j] * along[j];
        k0[i] = sum / f_diffuse;
        s->mean[i] += k0[i] * v;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            double change = k0[i] * k0[j] * f - s->gain[i] * k0[j] - k0[i] * s->gain[j];
            s->variance[j * m + i] = s->variance[i * m + j] += change;
        }
    use_up(s, along, f_diffuse);
    s->step_kind[t] = STEP_DIFFUSE;
}

static void ordinary_update(struct kalman_score *s, size_t t, double v, double f)
{
    size_t m = s->states;
    double *gain = s->step_gain + t * s->gain_step;
    for (size_t i = 0; i < m; i++) {
        gain[i] = s->gain[i] / f;
        s->mean[i] += gain[i] * v;
    }
    const double *restrict product = s->gain;
    for (size_t i = 0; i < m; i++) {
        double *restrict row = s->variance + i * m, left = gain[i];
        for (size_t j = 0; left != 0 && j < m; j++)
            row[j] -= left * product[j];
    }
    s->step_v[t] = v;
    s->step_f[t] = f;
    s->step_kind[t] = STEP_ORDINARY;
}

static void observe(struct kalman_score *s, size_t t, struct kalman_score_result *result)
{
    double y = s->values[t] * s->unit, v = y, magnitude, h = s->model->H[0];
    s->step_kind[t] = STEP_MISSING;
    if (isnan(v))
        return;
    for (unsigned k = 0; k < s->design_count; k++)
        v -= s->design[k].value * s->mean[s->design[k].column];
    double f = project(s, s->variance, s->gain, &magnitude) + h;
    result->observed++;
    if (s->rank > 0) {
        double f_diffuse = diffuse_along(s, s->diffuse_gain);
        if (f_diffuse > 0) {
            diffuse_update(s, t, v, f, s->diffuse_gain, f_diffuse);
            result->log_determinant += log(f_diffuse);
            result->diffuse++;
            return;
        }
    }
    if (f > exact_tolerance * (magnitude + h)) {
        ordinary_update(s, t, v, f);
        result->log_determinant += log(f);
        result->quadratic += v * v / f;
        return;
    }
    s->step_kind[t] = STEP_EXACT;
    result->possible = result->possible && fabs(v) <= 1e-9 * (fabs(y) + fabs(y - v));
}

/* out = sum of the entries of row i of T times the rows they name. */
static void combine_rows(const struct kalman_sparse *T, size_t m, size_t i, const double *restrict matrix,
                         double *restrict out)
{
    memset(out, 0, m * sizeof(double));
    for (unsigned k = T->start[i]; k < T->start[i + 1]; k++) {
        const double *restrict row = matrix + T->entries[k].column * m;
        double value = T->entries[k].value;
        for (size_t j = 0; j < m; j++)
            out[j] += value * row[j];
    }
}

/*
 * *matrix = T *matrix T' (+ noise), symmetric; into the spare buffer, which takes its place. Most rows of T only shift a
 * state along (a single 1): those rows are read where they are instead of being multiplied.
 */
static void congruence(struct kalman_score *s, const struct kalman_sparse *T, double **matrix,
                       const double *restrict noise)
{
    size_t m = s->states;
    double *restrict out = s->spare;
    for (size_t i = 0; i < m; i++) {
        const double *row = s->product;
        if (T->shifts[i])
            row = *matrix + T->entries[T->start[i]].column * m;
        else
            combine_rows(T, m, i, *matrix, s->product);
        for (size_t j = 0; j <= i; j++) {
            const struct kalman_entry *entry = T->entries + T->start[j], *end = T->entries + T->start[j + 1];
            double sum = noise ? noise[i * m + j] : 0;
            for (; entry < end; entry++)
                sum += entry->value * row[entry->column];
            out[i * m + j] = sum;
            out[j * m + i] = sum;
        }
    }
    s->spare = *matrix;
    *matrix = out;
}

/* vector = T vector (+ intercept). */
static void transport(struct kalman_score *s, const struct kalman_sparse *T, const double *intercept,
                      double *vector)
{
    for (size_t i = 0; i < s->states; i++) {
        double sum = intercept ? intercept[i] * s->unit : 0;
        for (unsigned k = T->start[i]; k < T->start[i + 1]; k++)
            sum += T->entries[k].value * vector[T->entries[k].column];
        s->gain[i] = sum;
    }
    memcpy(vector, s->gain, s->states * sizeof(double));
}

/* A <- T A. */
static void transport_factor(struct kalman_score *s)
{
    size_t d = s->diffuse_states, rank = s->rank;
    double *restrict out = s->spare;
    const double *restrict factor = s->diffuse;
    for (size_t i = 0; i < s->states; i++) {
        for (size_t j = 0; j < rank; j++)
            out[i * d + j] = 0;
        for (unsigned k = s->forward.start[i]; k < s->forward.start[i + 1]; k++)
            for (size_t j = 0; j < rank; j++)
                out[i * d + j] += s->forward.entries[k].value * factor[s->forward.entries[k].column * d + j];
    }
    s->spare = s->diffuse;
    s->diffuse = out;
}

static void predict(struct kalman_score *s, size_t t)
{
    if (s->times)
        load_step(s, t);
    transport(s, &s->forward, s->model->c, s->mean);
    congruence(s, &s->forward, &s->variance, s->noise);
    if (s->rank > 0)
        transport_factor(s);
}

/* About the multiplications of one step one way; T's rows are sparse, but a dense T is what they cost then. */
static size_t step_work(const struct kalman_score *s)
{
    size_t m = s->states;
    return (s->forward.start[m] + 3 * m + s->rank) * m;
}

static bool stopped(const struct kalman_score *s, size_t work)
{
    return s->meter && meter_stops(s->meter, work);
}

void kalman_score_likelihood(struct kalman_score *s, struct kalman_score_result *ret_result)
{
    struct kalman_score_result result = {.possible = true};
    start(s);
    for (size_t t = 0; t < s->count && !stopped(s, step_work(s)); t++) {
        load_inputs(s, t);
        observe(s, t, &result);
        if (t + 1 < s->count)
            predict(s, t);
    }
    result.determined = s->rank == 0 && !(s->meter && s->meter->cancelled);
    /* F is in the model's units; a diffuse step has no unit of its own (A1 is dimensionless). */
    result.log_determinant += 2 * s->model->sd_exponent * log(2) * (double)(result.observed - result.diffuse);
    *ret_result = result;
}

/* What the disturbances between t and t+1 add to the score, from r and N at t+1. */
static void collect_disturbances(struct kalman_score *s, double *quadratic, double *trace)
{
    size_t m = s->states, own = m - s->input_count, r = s->disturbances;
    const double *selection = s->model->R;
    for (size_t k = 0; k < r; k++) {
        double e = 0, d = 0;
        for (size_t i = 0; i < own; i++) {
            double left = selection[i * r + k];
            if (left == 0)
                continue;
            e += left * s->backward_mean[i];
            for (size_t j = 0; j < own; j++)
                d += left * selection[j * r + k] * s->backward_variance[i * m + j];
        }
        quadratic[k] += e * e;
        trace[k] += d;
    }
}

static void back_through_observation(struct kalman_score *s, size_t t, struct kalman_score_result *result)
{
    if (s->step_kind[t] != STEP_DIFFUSE && s->step_kind[t] != STEP_ORDINARY)
        return;
    size_t m = s->states;
    const double *gain = s->step_gain + t * s->gain_step;
    bool ordinary = s->step_kind[t] == STEP_ORDINARY;
    double u = ordinary ? s->step_v[t] / s->step_f[t] : 0, d = ordinary ? 1 / s->step_f[t] : 0,
           *w = s->diffuse_gain;
    for (size_t i = 0; i < m; i++) {
        const double *row = s->backward_variance + i * m;
        double sum = 0;
        for (size_t j = 0; j < m; j++)
            sum += row[j] * gain[j];
        w[i] = sum;
        u -= gain[i] * s->backward_mean[i];
        d += gain[i] * sum;
    }
    load_inputs(s, t);
    for (unsigned k = 0; k < s->design_count; k++) {
        double z = s->design[k].value;
        size_t at = s->design[k].column;
        s->backward_mean[at] += z * u;
        for (size_t j = 0; j < m; j++) {
            s->backward_variance[at * m + j] -= z * w[j];
            s->backward_variance[j * m + at] -= z * w[j];
        }
    }
    for (unsigned k = 0; k < s->design_count; k++)
        for (unsigned l = 0; l < s->design_count; l++)
            s->backward_variance[s->design[k].column * m + s->design[l].column] +=
                s->design[k].value * s->design[l].value * d;
    result->observation_quadratic += u * u;
    result->observation_trace += d;
}

void kalman_score_gradient(struct kalman_score *s, struct kalman_score_result *ret_result,
                           double *ret_quadratic, double *ret_trace)
{
    struct kalman_score_result result;
    kalman_score_likelihood(s, &result);
    load_sparse(&s->backward, s->states, s->model->T, 1, s->states);
    memset(s->backward_mean, 0, s->states * sizeof(double));
    memset(s->backward_variance, 0, s->states * s->states * sizeof(double));
    memset(ret_quadratic, 0, s->disturbances * sizeof(double));
    memset(ret_trace, 0, s->disturbances * sizeof(double));
    for (size_t t = s->count; t-- > 0 && !stopped(s, 2 * step_work(s));) {
        if (t + 1 < s->count) {
            collect_disturbances(s, ret_quadratic, ret_trace);
            transport(s, &s->backward, NULL, s->backward_mean);
            congruence(s, &s->backward, &s->backward_variance, NULL);
        }
        back_through_observation(s, t, &result);
    }
    *ret_result = result;
}

size_t kalman_score_consumed(const struct kalman_score *s)
{
    size_t seen = 0, consumed = 0;
    for (size_t t = 0; t < s->count; t++) {
        seen += isnan(s->values[t]) ? 0u : 1u;
        consumed = s->step_kind[t] == STEP_DIFFUSE ? seen : consumed;
    }
    return consumed;
}

double kalman_score_after(const struct kalman_score *s, size_t burn)
{
    const double log_two_pi = 1.8378770664093454836;
    size_t seen = 0, counted = 0;
    double sum = 0;
    for (size_t t = 0; t < s->count; t++) {
        seen += isnan(s->values[t]) ? 0u : 1u;
        if (seen <= burn || s->step_kind[t] != STEP_ORDINARY)
            continue;
        sum += log(s->step_f[t]) + s->step_v[t] * s->step_v[t] / s->step_f[t];
        counted++;
    }
    sum += (double)counted * (log_two_pi + 2 * s->model->sd_exponent * log(2));
    return -0.5 * sum;
}
