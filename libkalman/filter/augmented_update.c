#include "filter/augmented_update.h"

#include "model/system.h"
#include "numeric/dense.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* A value without noise of its own: it determines a combination of delta, or was known already. */
static enum kalman_status observe_exact(struct filter_state *f, double y,
                                        struct filter_element *result)
{
    double square = 0.0, error = 0.0;
    result->F_finite = 0.0;
    if (augmented_eliminate(&f->start, f->K0, &square)) {
        result->kind = FILTER_DIFFUSE;
        result->F = (double)INFINITY;
        result->F_infinite = square;
        f->sum.diffuse++;
        f->sum.diffuse_log += log(square);
        return KALMAN_OK;
    }
    bool known = augmented_error(&f->start, f->start.row, NULL, f->w, &error);
    result->kind = FILTER_UNINFORMATIVE;
    result->v = result->error = error;
    result->F = 0.0;
    f->sum.exact++;
    return known && fabs(error) <= 1e-9 * (fabs(y) + fabs(y - error)) ? KALMAN_OK : KALMAN_EMODEL;
}

/* What a robust bound adds to the variance of the noise: as in update_ordinary(), of the innovation
 * that has what is not known of delta in it. */
static double inflation(const struct filter_state *f, struct filter_element *result)
{
    double standardised = fabs(result->error) * f->units.mean_to_sd / sqrt(result->F);
    if (!(f->robust_threshold > 0.0 && standardised > f->robust_threshold))
        return 0.0;
    result->weight = f->robust_threshold / standardised;
    return result->F / fmax(result->weight, robust_weight_min) - result->F;
}

static enum kalman_status observe_noisy(struct filter_state *f, const struct filter_row *e,
                                        struct filter_element *result)
{
    assert(result->F_finite > 0.0);
    size_t m = f->model->states;
    double error = 0.0, added = 0.0;
    bool known = augmented_error(&f->start, f->start.row, NULL, f->w, &error);
    result->error = error;
    result->F = result->F_finite;
    for (size_t k = 0; k < f->start.columns; k++)
        result->F += f->w[k] * f->w[k];
    if (known)
        added = inflation(f, result);
    double F = result->F_finite + added;
    result->F_finite = F;
    for (size_t j = 0; j < m; j++)
        f->K0[j] = f->M[j] / F;
    struct augmented_step step = augmented_take(&f->start, f->K0, F);
    filter_row_update(f, e, F, e->h + added);
    if (step.direction) {
        result->kind = FILTER_DIFFUSE;
        result->F = (double)INFINITY;
        f->sum.diffuse++;
        f->sum.diffuse_log += log(F * step.growth);
        return KALMAN_OK;
    }
    double scaled = step.residual * f->units.mean_to_sd;
    result->kind = FILTER_ORDINARY;
    result->v = error;
    likelihood_sum_add(&f->sum, scaled * scaled, F * step.growth);
    return isfinite(step.residual) ? KALMAN_OK : KALMAN_ERANGE;
}

enum kalman_status filter_augmented_observe(struct filter_state *f, size_t i,
                                            const struct filter_row *row,
                                            struct filter_element *result,
                                            struct filter_record *record)
{
    EXPECT(i == 0 && f->augmented && f->model->observed == 1);
    size_t m = f->model->states, d = f->model->diffuse;
    double y = f->y[i];
    augmented_observe(&f->start, row->z, y);
    if (record) {
        memcpy(record->row, f->start.row, (d + 1) * sizeof *record->row);
        memcpy(record->z, row->z, m * sizeof(double));
    }
    enum kalman_status status = filter_row_vanishes(f, row, result->F_finite)
                                    ? observe_exact(f, y, result)
                                    : observe_noisy(f, row, result);
    bool exact = result->kind == FILTER_DIFFUSE && !(result->F_finite > 0.0);
    for (size_t j = 0; record && j < m && result->kind != FILTER_UNINFORMATIVE; j++)
        record->K[j] = exact ? f->K0[j] : f->M[j] / result->F_finite;
    return status;
}

void filter_augmented_settle(struct filter_state *f, const struct filter_element *element)
{
    EXPECT(f->augmented && f->start_root);
    size_t m = f->model->states, d = f->model->diffuse;
    if (element->kind != FILTER_ORDINARY || !augmented_due(&f->start, f->count))
        return;
    (void)augmented_states(&f->start, f->start.E, NULL, f->a, f->start_root);
    if (!augmented_settled(&f->start, f->start_root, element->F))
        return;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j <= i; j++) {
            double added =
                dense_dot(f->start_root + i * d, f->start_root + j * d, f->start.columns);
            f->P[i * m + j] += added;
            f->P[j * m + i] = f->P[i * m + j];
        }
    f->augmented = false;
}
