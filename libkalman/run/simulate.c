/*
 * Draws from a model, and from the states given data: Durbin & Koopman (2002) by mean corrections
 * (DK 4.9.1): draw (y+, alpha+) from the model, then alpha+ + E(alpha | y) - E(alpha | y+), a draw
 * of alpha given y, for the smoother is affine. Diffuse elements of alpha+ may start anywhere,
 * since E(alpha | y+) takes their effect away: they start at a1.
 */
#include <kalman/simulate.h>

#include "filter/square_root.h"
#include "model/series_check.h"
#include "model/system.h"
#include "numeric/expect.h"
#include "run/general.h"
#include "run/level.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Everything one call draws into. */
struct draw {
    const struct kalman_model *model;
    const struct kalman_series *series;
    struct filter_state filter;          /* for its matrices of each step */
    double *root, *noise, *state, *next; /* max(m, r, p)^2, max, m, m */
};

static size_t widest(const struct kalman_model *model)
{
    size_t widest = model->states > model->disturbances ? model->states : model->disturbances;
    return widest > model->observed ? widest : model->observed;
}

static size_t round_up(size_t bytes)
{
    return (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
}

static size_t draw_bytes(const struct kalman_model *model)
{
    size_t w = widest(model);
    return round_up(filter_bytes(model)) +
           round_up((w * w + w + 2 * model->states) * sizeof(double));
}

static char *draw_place(struct draw *draw, const struct kalman_model *model,
                        const struct kalman_series *series, char *memory)
{
    EXPECT((uintptr_t)memory % KALMAN_ALIGN == 0);
    size_t w = widest(model);
    draw->model = model;
    draw->series = series;
    filter_init(&draw->filter, model, NULL, memory);
    draw->root = (double *)(memory + round_up(filter_bytes(model)));
    draw->noise = draw->root + w * w;
    draw->state = draw->noise + w;
    draw->next = draw->state + model->states;
    return memory + draw_bytes(model);
}

/* noise <- N(0, variance), in the caller's units: engine variances times 4^sd_exponent. */
static void draw_normal(struct draw *draw, struct kalman_random *random, const double *variance,
                        size_t size)
{
    EXPECT(size <= widest(draw->model));
    assert(is_symmetric(variance, size));
    /* A semidefinite variance has a root as well: zero columns where a direction has no noise. */
    square_root_of(variance, size, draw->root);
    for (size_t i = 0; i < size; i++)
        draw->noise[i] = kalman_random_normal(random);
    /* Root times independent normals; from the last, for noise[j], j <= i, is still the draw. */
    for (size_t i = size; i-- > 0;) {
        double sum = 0.0;
        for (size_t j = 0; j <= i; j++)
            sum += draw->root[i * size + j] * draw->noise[j];
        draw->noise[i] = ldexp(sum, draw->model->sd_exponent);
    }
}

static void first_state(struct draw *draw, struct kalman_random *random)
{
    /* The diffuse part A1 delta stays 0: E(alpha | y+) takes out whatever it is. */
    size_t m = draw->model->states;
    draw_normal(draw, random, draw->model->P1, m);
    for (size_t i = 0; i < m; i++)
        draw->state[i] = draw->model->a1[i] + draw->noise[i];
}

static enum kalman_status next_state(struct draw *draw, struct kalman_random *random, size_t t)
{
    EXPECT(t > 0 && t < draw->series->count);
    size_t m = draw->model->states, r = draw->model->disturbances;
    const double *times = draw->series->times;
    enum kalman_status status =
        filter_transition_at(&draw->filter, t - 1, times ? times[t] - times[t - 1] : 1.0);
    if (status != KALMAN_OK)
        return status;
    /* In the caller's units throughout: T, R and c have those, and draw_normal() scales. */
    const struct filter_matrices *now = &draw->filter.now;
    draw_normal(draw, random, now->Q, r);
    for (size_t i = 0; i < m; i++) {
        double sum = now->c[i];
        for (size_t j = 0; j < m; j++)
            sum += now->T[i * m + j] * draw->state[j];
        for (size_t j = 0; j < r; j++)
            sum += now->R[i * r + j] * draw->noise[j];
        draw->next[i] = sum;
    }
    memcpy(draw->state, draw->next, m * sizeof(double));
    return KALMAN_OK;
}

/* One path of the model: values (n x p), signal (n x p) and states (n x m), the last two may be
 * NULL. */
static enum kalman_status draw_path(struct draw *draw, struct kalman_random *random, double *values,
                                    double *signal, double *states)
{
    assert(values || draw->series->count == 0);
    assert(!draw->series->inputs == !draw->model->input_count || draw->series->count == 0);
    size_t p = draw->model->observed, m = draw->model->states, k = draw->model->input_count;
    enum kalman_status status = KALMAN_OK;
    for (size_t t = 0; t < draw->series->count && status == KALMAN_OK; t++) {
        if (t == 0)
            first_state(draw, random);
        else
            status = next_state(draw, random, t);
        if (status == KALMAN_OK)
            status = filter_observation_at(
                &draw->filter, t, draw->series->inputs ? draw->series->inputs + t * k : NULL);
        if (status != KALMAN_OK)
            break;
        draw_normal(draw, random, draw->filter.now.H, p);
        for (size_t i = 0; i < p; i++) {
            const double *z = filter_signal_row(&draw->filter, i);
            double sum = draw->filter.now.d[i];
            for (size_t j = 0; j < m; j++)
                sum += z[j] * draw->state[j];
            values[t * p + i] = sum + draw->noise[i];
            if (signal)
                signal[t * p + i] = sum;
        }
        if (states)
            memcpy(states + t * m, draw->state, m * sizeof(double));
    }
    return status;
}

enum kalman_status kalman_simulate_bytes(const struct kalman_model *model, size_t count,
                                         size_t *ret_bytes)
{
    if (!model || count > SIZE_MAX / 128 / (2 * model->states + 4 * model->observed + 1))
        return KALMAN_EINVAL;
    double wanted = 0.0;
    const struct kalman_output output = {.smoothed_state = &wanted};
    /* Both engines: which one runs depends on options that are not known here. */
    size_t p = model->observed, m = model->states;
    *ret_bytes = draw_bytes(model) + round_up(count * (4 * p + 2 * m) * sizeof(double)) +
                 round_up(run_general_bytes(model, count, NULL, &output)) +
                 round_up(run_level_bytes(count, &output));
    return KALMAN_OK;
}

static enum kalman_status workspace_check(const struct kalman_model *model, size_t count,
                                          const void *workspace, size_t workspace_bytes)
{
    size_t needed = 0;
    enum kalman_status status = kalman_simulate_bytes(model, count, &needed);
    if (status != KALMAN_OK)
        return status;
    return workspace && workspace_bytes >= needed && (uintptr_t)workspace % KALMAN_ALIGN == 0
               ? KALMAN_OK
               : KALMAN_EWORKSPACE;
}

enum kalman_status kalman_generate(const struct kalman_model *model,
                                   const struct kalman_series *series, struct kalman_random *random,
                                   double *values, double *states, void *workspace,
                                   size_t workspace_bytes)
{
    if (!model || !series || !random || (series->count > 0 && !values))
        return KALMAN_EINVAL;
    /* There are no data yet; all missing is a series that can be checked. */
    struct kalman_series checked = *series;
    checked.values = values;
    for (size_t i = 0; i < series->count * model->observed; i++)
        values[i] = (double)NAN;
    size_t bad_index = 0;
    enum kalman_status status = workspace_check(model, series->count, workspace, workspace_bytes);
    if (status == KALMAN_OK)
        status = series_check(model, &checked, &bad_index);
    if (status != KALMAN_OK)
        return status;
    struct draw draw;
    draw_place(&draw, model, series, workspace);
    return draw_path(&draw, random, values, NULL, states);
}

/* Arrays of one simulation: drawn data and signal, smoothed means of the data and of the drawn
 * ones. */
struct simulation {
    struct draw draw;
    double *values, *signal;            /* n x p: drawn */
    double *signal_given, *state_given; /* n x p, n x m: E( | y) */
    double *signal_drawn, *state_drawn; /* E( | y+) */
    void *rest;
    size_t rest_bytes;
};

static void simulation_place(struct simulation *s, const struct kalman_model *model,
                             const struct kalman_series *series, void *workspace,
                             size_t workspace_bytes)
{
    EXPECT(workspace_bytes > draw_bytes(model));
    size_t p = model->observed, m = model->states, n = series->count;
    double *next = (double *)draw_place(&s->draw, model, series, workspace);
    char *rest = (char *)next + round_up(n * (4 * p + 2 * m) * sizeof(double));
    s->values = next;
    s->signal = s->values + n * p;
    s->signal_given = s->signal + n * p;
    s->signal_drawn = s->signal_given + n * p;
    s->state_given = s->signal_drawn + n * p;
    s->state_drawn = s->state_given + n * m;
    EXPECT((size_t)(rest - (char *)workspace) <= workspace_bytes);
    s->rest = rest;
    s->rest_bytes = workspace_bytes - (size_t)(rest - (char *)workspace);
}

/* One draw: the path goes to the caller's arrays (either may be NULL) and is then corrected in
 * place. */
static enum kalman_status simulate_one(struct simulation *s, struct kalman_random *random,
                                       const struct kalman_options *options, double *signal,
                                       double *states)
{
    const struct kalman_series *series = s->draw.series;
    size_t count = series->count * s->draw.model->observed,
           state_count = series->count * s->draw.model->states;
    struct kalman_series drawn = *series;
    struct kalman_output output = {.smoothed_mean = s->signal_drawn,
                                   .smoothed_state = s->state_drawn};
    struct kalman_summary summary;
    enum kalman_status status =
        draw_path(&s->draw, random, s->values, signal ? signal : s->signal, states);
    /* The draw is seen where the data were: E( | y) and E( | y+) are then the same affine map, and
     * their difference is linear in y - y+. */
    for (size_t i = 0; i < count; i++)
        s->values[i] = isnan(series->values[i]) ? (double)NAN : s->values[i];
    drawn.values = s->values;
    if (status == KALMAN_OK)
        status =
            kalman_run(s->draw.model, &drawn, options, &output, s->rest, s->rest_bytes, &summary);
    /* alpha+ - E(alpha | y+) has the distribution of alpha - E(alpha | y), which does not depend
     * on y: added to E(alpha | y) it is a draw given y (Durbin & Koopman 2002). */
    for (size_t i = 0; status == KALMAN_OK && signal && i < count; i++)
        signal[i] += s->signal_given[i] - s->signal_drawn[i];
    for (size_t i = 0; status == KALMAN_OK && states && i < state_count; i++)
        states[i] += s->state_given[i] - s->state_drawn[i];
    return status;
}

enum kalman_status kalman_simulate(const struct kalman_model *model,
                                   const struct kalman_series *series,
                                   const struct kalman_options *options,
                                   struct kalman_random *random, size_t draw_count, double *signal,
                                   double *states, void *workspace, size_t workspace_bytes,
                                   struct kalman_summary *ret_summary)
{
    if (!model || !series || !random || !ret_summary)
        return KALMAN_EINVAL;
    /* the smoother is not affine in the data then */
    if (options && options->robust_threshold > 0.0)
        return KALMAN_EUNSUPPORTED;
    enum kalman_status status = workspace_check(model, series->count, workspace, workspace_bytes);
    if (status != KALMAN_OK)
        return status;
    size_t p = model->observed, m = model->states, n = series->count;
    struct simulation s;
    simulation_place(&s, model, series, workspace, workspace_bytes);
    struct kalman_output output = {.smoothed_mean = s.signal_given,
                                   .smoothed_state = s.state_given};
    status = kalman_run(model, series, options, &output, s.rest, s.rest_bytes, ret_summary);
    for (size_t i = 0; i < draw_count && status == KALMAN_OK; i++)
        status = simulate_one(&s, random, options, signal ? signal + i * n * p : NULL,
                              states ? states + i * n * m : NULL);
    return status;
}
