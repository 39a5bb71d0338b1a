/* What the observations that are there could say of the diffuse start, without any noise. */
#include "score/prepare.h"

#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* log|G| of a symmetric positive definite G (d x d, lower triangle), by Cholesky's factor in its
 * place; NaN where rounding leaves no more. */
static double log_determinant(double *G, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        double pivot = G[j * d + j];
        for (size_t k = 0; k < j; k++)
            pivot -= G[j * d + k] * G[j * d + k];
        if (!(pivot > 1e-14 * G[j * d + j]))
            return NAN;
        sum += log(pivot);
        G[j * d + j] = sqrt(pivot);
        for (size_t i = j + 1; i < d; i++) {
            for (size_t k = 0; k < j; k++)
                G[i * d + j] -= G[i * d + k] * G[j * d + k];
            G[i * d + j] /= G[j * d + j];
        }
    }
    return sum;
}

double score_information(struct score *s)
{
    EXPECT(s->model->states == s->states);
    size_t m = s->states, d = s->diffuse_states;
    /* The arrays of a pass that is over. */
    double *B = s->diffuse, *next = s->spare, *G = s->variance, *row = s->product;
    memcpy(B, s->model->A1, m * d * sizeof(double));
    memset(G, 0, d * d * sizeof(double));
    score_load_transition(s, s->model->T, s->model->V);
    score_load_design(s);
    for (size_t t = 0; t < s->count && !score_poll_cancel(s, 1); t++) {
        score_load_inputs(s, t);
        memset(row, 0, d * sizeof(double));
        for (unsigned k = 0; k < s->design_count && !isnan(s->values[t]); k++)
            for (size_t j = 0; j < d; j++)
                row[j] += s->design[k].value * B[s->design[k].column * d + j];
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i && row[i] != 0; j++)
                G[i * d + j] += row[i] * row[j];
        if (t + 1 == s->count)
            break;
        if (s->times)
            score_load_step(s, t);
        sparse_multiply(&s->T, B, d, d, next);
        memcpy(B, next, m * d * sizeof(double));
    }
    return log_determinant(G, d);
}
