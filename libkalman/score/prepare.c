/* The workspace of a score, and the model in the form that the passes read: matrices by their
 * non-zeros. */
#include "score/prepare.h"

#include "numeric/expect.h"

#include <string.h>

/* Doubles of a start by regression of d elements. */
static size_t augmented_bytes_doubles(size_t m, size_t d, size_t count, bool gradient)
{
    if (d == 0)
        return 0;
    return augmented_kept_doubles(m, d) + augmented_scratch_doubles(d) + m + 2 * d + 2 * m * d +
           d * d + (gradient ? count : 1) * (2 * (d + 1) + 1);
}

size_t score_bytes(size_t states, size_t disturbances, size_t augmented, size_t count,
                   bool gradient)
{
    /* A gradient goes back over the gains of all points; a likelihood needs the last one. */
    size_t m = states, square = m * m;
    size_t doubles =
        7 * m + 8 * square + disturbances * disturbances + 2 * count + (gradient ? count : 1) * m;
    doubles += augmented_bytes_doubles(m, augmented, count, gradient);
    return (doubles + sparse_doubles(m)) * sizeof(double) + m * sizeof(struct score_entry) +
           (sparse_indices(m) + m) * sizeof(uint32_t) + count;
}

static double *take(double **cursor, size_t count)
{
    double *start = *cursor;
    *cursor += count;
    return start;
}

static void carve_augmented(struct score *s, size_t points, double **cursor)
{
    EXPECT(s->model->collinear && s->diffuse_states > 0);
    size_t m = s->states, d = s->diffuse_states;
    double *kept = take(cursor, augmented_kept_doubles(m, d));
    augmented_carve(&s->start, m, d, kept, take(cursor, augmented_scratch_doubles(d)));
    s->dense_design = take(cursor, m);
    s->solved = take(cursor, d);
    s->shift = take(cursor, d);
    s->settled_root = take(cursor, m * d);
    s->cross = take(cursor, m * d);
    s->spread = take(cursor, d * d);
    s->step_row = (struct twofold *)(void *)take(cursor, points * 2 * (d + 1));
    s->step_noise_f = take(cursor, points);
}

void score_prepare(struct score *score, const struct kalman_model *model,
                   const struct kalman_series *series, bool gradient, void *workspace)
{
    EXPECT(workspace && (uintptr_t)workspace % sizeof(double) == 0);
    EXPECT(model->observed == 1 && model->diffuse <= model->states);
    size_t m = model->states, square = m * m, n = series->count;
    double *cursor = workspace;
    *score = (struct score){.model = model,
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
    score->update_root = take(&cursor, m);
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
    if (model->collinear)
        carve_augmented(score, gradient ? n : 1, &cursor);
    /* Doubles first, then entries, indices and bytes: each is aligned without padding. */
    double *T_doubles = take(&cursor, sparse_doubles(m));
    score->design = (struct score_entry *)(void *)cursor;
    score->noisy = (uint32_t *)(void *)(score->design + m);
    sparse_carve(&score->T, m, T_doubles, score->noisy + m);
    score->step_kind = (unsigned char *)(score->noisy + m + sparse_indices(m));
}

void score_load_transition(struct score *s, const double *transition, const double *noise)
{
    assert(is_symmetric(noise, s->states));
    size_t m = s->states;
    sparse_load(&s->T, transition);
    s->noise = noise;
    s->noisy_count = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            if (noise[i * m + j] != 0) {
                s->noisy[s->noisy_count++] = (uint32_t)i;
                break;
            }
}

/* T and R Q R' of the step from t to t + 1 where times are given. */
void score_load_step(struct score *s, size_t t)
{
    EXPECT(s->times && t + 1 < s->count);
    EXPECT(s->model->builder->step != NULL);
    const struct kalman_model *model = s->model;
    memcpy(s->step_transition, model->T, s->states * s->states * sizeof(double));
    memcpy(s->step_q, model->Q, s->disturbances * s->disturbances * sizeof(double));
    model->builder->step(model, s->times[t + 1] - s->times[t], s->step_transition, s->step_q);
    model_noise(model, model->R, s->step_q, s->step_noise);
    score_load_transition(s, s->step_transition, s->step_noise);
}

void score_load_design(struct score *s)
{
    size_t own = s->states - s->input_count;
    s->design_count = 0;
    for (size_t j = 0; j < s->states; j++)
        /* Known inputs have a place even where they are zero: their values change from step to
         * step. */
        if (j >= own || s->model->Z[j] != 0)
            s->design[s->design_count++] = (struct score_entry){(unsigned)j, s->model->Z[j]};
}

void score_load_inputs(struct score *s, size_t t)
{
    EXPECT(s->input_count == 0 || (s->inputs && t < s->count));
    for (size_t j = 0; j < s->input_count; j++)
        s->design[s->design_count - s->input_count + j].value = s->inputs[t * s->input_count + j];
}

void score_transport(struct score *s)
{
    sparse_apply(&s->T, s->mean, s->gain);
    for (size_t i = 0; i < s->states; i++)
        s->mean[i] = s->gain[i] + s->model->c[i] * s->unit;
}

/* About the multiplications of one step of one pass. */
static size_t step_work(const struct score *s)
{
    size_t m = s->states;
    return (s->T.start[m] + 3 * m + s->rank) * m;
}

bool score_poll_cancel(const struct score *s, size_t steps)
{
    return cancel_poll(s->cancel, steps * step_work(s));
}
