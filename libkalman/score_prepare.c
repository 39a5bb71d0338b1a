/* The workspace of a score, and the model in the form that the passes read: matrices by their non-zeros. */
#include "score_parts.h"

#include <string.h>

static size_t sparse_bytes(size_t m)
{
    return m * m * sizeof(struct kalman_entry) + (m + 1) * sizeof(unsigned);
}

size_t kalman_score_bytes(size_t states, size_t disturbances, size_t count, bool gradient)
{
    size_t m = states, square = m * m;
    size_t doubles =
        6 * m + 8 * square + disturbances * disturbances + 2 * count + (gradient ? count : 1) * m;
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
    score->variance_before = take(&cursor, square);
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
void score_load_sparse(struct kalman_sparse *sparse, size_t m, const double *matrix, size_t row_step,
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
void score_load_step(struct kalman_score *s, size_t t)
{
    const struct kalman_model *model = s->model;
    memcpy(s->step_transition, model->T, s->states * s->states * sizeof(double));
    memcpy(s->step_q, model->Q, s->disturbances * s->disturbances * sizeof(double));
    model->builder->step(model, s->times[t + 1] - s->times[t], s->step_transition, s->step_q);
    model_noise(model, model->R, s->step_q, s->step_noise);
    score_load_sparse(&s->forward, s->states, s->step_transition, s->states, 1);
    s->noise = s->step_noise;
}

void score_load_design(struct kalman_score *s)
{
    size_t own = s->states - s->input_count;
    s->design_count = 0;
    for (size_t j = 0; j < s->states; j++)
        if (j >= own || s->model->Z[j] != 0)
            s->design[s->design_count++] = (struct kalman_entry){(unsigned)j, s->model->Z[j]};
}

void score_load_inputs(struct kalman_score *s, size_t t)
{
    for (size_t j = 0; j < s->input_count; j++)
        s->design[s->design_count - s->input_count + j].value = s->inputs[t * s->input_count + j];
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
void score_congruence(struct kalman_score *s, const struct kalman_sparse *T, double **matrix,
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
void score_transport(struct kalman_score *s, const struct kalman_sparse *T, const double *intercept,
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

/* About the multiplications of one step one way; T's rows are sparse, but a dense T is what they cost then. */
static size_t step_work(const struct kalman_score *s)
{
    size_t m = s->states;
    return (s->forward.start[m] + 3 * m + s->rank) * m;
}

bool score_stopped(const struct kalman_score *s, size_t steps)
{
    return s->meter && meter_stops(s->meter, steps * step_work(s));
}
