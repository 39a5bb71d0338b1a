#include "smooth/root.h"

#include "filter/square_root.h"
#include "model/system.h"
#include "numeric/expect.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* What rounding leaves of an exact zero is below these shares of the terms it came from. */
static const double zero_direction = 1e-10, zero_entry = 1e-13;

/* The prior of x = (alpha_t, eta_t): mean (a, 0), root diag(S, root of Q), diffuse part (A, 0). */
static void place_prior(struct smooth_state *s, const struct filter_record *record,
                        const double *root_Q)
{
    EXPECT(record->diffuse_left <= s->model->diffuse);
    assert(record->root);
    size_t m = s->model->states, r = s->model->disturbances, d = s->model->diffuse, M = m + r;
    memset(s->B, 0, M * M * sizeof(double));
    memset(s->G, 0, M * m * sizeof(double));
    memset(s->g, 0, M * sizeof(double));
    memset(s->A, 0, M * d * sizeof(double));
    memcpy(s->g, record->a, m * sizeof(double));
    for (size_t i = 0; i < m; i++)
        memcpy(s->B + i * M, record->P + i * m, m * sizeof(double));
    for (size_t i = 0; i < r; i++)
        memcpy(s->B + (m + i) * M + m, root_Q + i * r, r * sizeof(double));
    for (size_t i = 0; i < m && record->diffuse_left > 0; i++)
        memcpy(s->A + i * d, record->A + i * d, record->diffuse_left * sizeof(double));
}

/* w = X'row for X of M x columns; returns w'w and the size its terms could have had. */
static double project(const struct smooth_state *s, const double *X, size_t leading, size_t columns,
                      double *ret_size)
{
    EXPECT(columns <= leading);
    size_t M = s->model->states + s->model->disturbances;
    double square = 0.0, size = 0.0;
    for (size_t j = 0; j < columns; j++) {
        double sum = 0.0, terms = 0.0;
        for (size_t i = 0; i < M; i++) {
            sum += s->row[i] * X[i * leading + j];
            terms += fabs(s->row[i] * X[i * leading + j]);
        }
        s->w[j] = sum;
        square += sum * sum;
        size += terms * terms;
    }
    *ret_size = size;
    return square;
}

/* K = X w / square */
static void gain_of(struct smooth_state *s, const double *X, size_t leading, size_t columns,
                    double square)
{
    EXPECT(columns <= leading);
    assert(square > 0.0);
    size_t M = s->model->states + s->model->disturbances;
    for (size_t i = 0; i < M; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < columns; j++)
            sum += X[i * leading + j] * s->w[j];
        s->K[i] = sum / square;
    }
}

/* The affine form x^ = g + G y: x^ += K (y_element - c - row'x^). */
static void correct_mean(struct smooth_state *s, size_t element, double c)
{
    EXPECT(element < s->model->states);
    size_t m = s->model->states, M = m + s->model->disturbances;
    /* x^ += K (alpha_{t+1,element} - c - row'x^): g takes the constants, row'G the part that
     * already depends on alpha_{t+1}, and K is the new coefficient of the element. */
    double known = c;
    memset(s->x, 0, m * sizeof(double));
    for (size_t i = 0; i < M; i++) {
        known += s->row[i] * s->g[i];
        for (size_t j = 0; j < m && s->row[i] != 0.0; j++)
            s->x[j] += s->row[i] * s->G[i * m + j];
    }
    for (size_t i = 0; i < M; i++) {
        s->g[i] -= s->K[i] * known;
        for (size_t j = 0; j < m; j++)
            s->G[i * m + j] -= s->K[i] * s->x[j];
        s->G[i * m + element] += s->K[i];
    }
}

/* B <- (I - K row') B: the noise of these observations is nil. */
static void contract_root(struct smooth_state *s)
{
    size_t M = s->model->states + s->model->disturbances;
    memset(s->image, 0, M * sizeof(double));
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < M && s->row[i] != 0.0; j++)
            s->image[j] += s->row[i] * s->B[i * M + j];
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < M; j++)
            s->B[i * M + j] -= s->K[i] * s->image[j];
}

/* Condition on element i of alpha_{t+1} = T alpha + c + R eta. */
static void condition_on(struct smooth_state *s, const struct filter_matrices *now, size_t i,
                         size_t *left, double mean_in)
{
    EXPECT(i < s->model->states && *left <= s->model->diffuse);
    size_t m = s->model->states, r = s->model->disturbances, d = s->model->diffuse, M = m + r;
    memcpy(s->row, now->T + i * m, m * sizeof(double));
    memcpy(s->row + m, now->R + i * r, r * sizeof(double));
    double size = 0.0, square = *left > 0 ? project(s, s->A, d, *left, &size) : 0.0,
           c = now->c[i] * mean_in;
    /* row'x is known exactly. If it has a diffuse part that part is determined first, with K = A
     * w/w'w: what is left of x does not depend on row'x then, in A and in B (DK 5.2 with h = 0). */
    if (square > zero_direction * zero_direction * size) {
        gain_of(s, s->A, d, *left, square);
        correct_mean(s, i, c);
        contract_root(s);
        filter_drop_direction(s->A, M, d, *left, s->w, square);
        --*left;
        return;
    }
    /* Else as an observation without noise: F = row'B B'row = w'w, K = B w/F, and B <- (I - K
     * row')B. */
    square = project(s, s->B, M, M, &size);
    /* fixed by the elements before it */
    if (!(square > 64.0 * DBL_EPSILON * DBL_EPSILON * (double)M * size))
        return;
    gain_of(s, s->B, M, M, square);
    correct_mean(s, i, c);
    contract_root(s);
}

/* Row i of [B, G S_{t+1}], V_{t+1} = S S': its square is the variance of x_i. Returns that. */
static double spread_of(const struct smooth_state *s, size_t i, double *ret_row)
{
    EXPECT(i < s->model->states + s->model->disturbances);
    size_t m = s->model->states, M = m + s->model->disturbances;
    double square = 0.0;
    memcpy(ret_row, s->B + i * M, M * sizeof(double));
    memset(ret_row + M, 0, m * sizeof(double));
    for (size_t k = 0; k < m; k++)
        for (size_t j = 0; j < m && s->G[i * m + k] != 0.0; j++)
            ret_row[M + j] += s->G[i * m + k] * s->S[k * m + j];
    for (size_t j = 0; j < M + m; j++)
        square += ret_row[j] * ret_row[j];
    return square;
}

/* The variances of n_t, then S and V of alpha_t from those of alpha_{t+1}. */
static void carry_variance(struct smooth_state *s, const struct filter_matrices *now)
{
    size_t m = s->model->states, r = s->model->disturbances, M = m + r;
    /* Var(x | all) = B B' + G V_{t+1} G' = [B, G S][B, G S]': rows m .. m + r - 1 are the
     * disturbances, rows 0 .. m - 1, made square, the root S of alpha_t. */
    for (size_t k = 0; k < r; k++) {
        s->eta_variance[k] = spread_of(s, m + k, s->spread);
        s->eta_spread[k] = fmax(now->Q[k * r + k] - s->eta_variance[k], 0.0);
    }
    for (size_t i = 0; i < m && !cancel_poll(s->cancel, 2 * m * (M + m)); i++)
        (void)spread_of(s, i, s->spread + i * (M + m));
    square_root_compress(s->spread, m, M + m, s->S, s->cancel);
    for (size_t i = 0; i < m && !cancel_poll(s->cancel, m * i); i++)
        for (size_t j = 0; j <= i; j++) {
            double value = 0.0;
            for (size_t k = 0; k < m; k++)
                value += s->S[i * m + k] * s->S[j * m + k];
            s->V[i * m + j] = value;
            s->V[j * m + i] = value;
        }
}

/* Unresolved directions: those of alpha_{t+1} brought here by G, and what is left of A. */
static void carry_unresolved(struct smooth_state *s, size_t left)
{
    size_t m = s->model->states, d = s->model->diffuse, before = s->unresolved;
    memcpy(s->U_next, s->U, m * d * sizeof(double));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < before; j++) {
            double sum = 0.0, terms = 0.0;
            for (size_t k = 0; k < m; k++) {
                sum += s->G[i * m + k] * s->U_next[k * d + j];
                terms += fabs(s->G[i * m + k] * s->U_next[k * d + j]);
            }
            /* Rounding must not make a direction of nothing: a NaN with variance +inf would come
             * of it. */
            s->U[i * d + j] = fabs(sum) > zero_entry * terms ? sum : 0.0;
        }
    for (size_t j = 0; j < left && s->unresolved < d; j++, s->unresolved++)
        for (size_t i = 0; i < m; i++)
            s->U[i * d + s->unresolved] = s->A[i * d + j];
}

void smooth_root_step(struct smooth_state *s, const struct filter_record *record,
                      const struct filter_matrices *now, double mean_in)
{
    assert(record->root && now->root_Q);
    size_t m = s->model->states, r = s->model->disturbances, left = record->diffuse_left;
    memcpy(s->r, s->mean, m * sizeof(double)); /* r is free in this form: it holds alpha^_{t+1} */
    place_prior(s, record, now->root_Q);
    for (size_t i = 0; i < m && !cancel_poll(s->cancel, 3 * (m + r) * (m + r)); i++)
        condition_on(s, now, i, &left, mean_in);
    for (size_t i = 0; i < m + r; i++) {
        double mean = s->g[i];
        for (size_t j = 0; j < m; j++)
            mean += s->G[i * m + j] * s->r[j];
        if (i < m)
            s->mean[i] = mean;
        else
            s->eta[i - m] = mean;
    }
    carry_unresolved(s, left);
    if (s->variances)
        carry_variance(s, now);
}
