#include "filter/square_root.h"

#include "numeric/expect.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The rows of B (m x k) in the order of where they end, and where that is: one past the last
 * non-zero. */
static void rows_by_end(const double *B, size_t m, size_t k, uint16_t *order, uint16_t *end)
{
    EXPECT(m <= KALMAN_STATES_MAX && k <= (size_t)3 * KALMAN_STATES_MAX);
    uint16_t first[3 * KALMAN_STATES_MAX + 2] = {0};
    for (size_t i = 0; i < m; i++) {
        size_t last = k;
        while (last > 0 && B[i * k + last - 1] == 0.0)
            last--;
        end[i] = (uint16_t)last;
        first[last + 1]++;
    }
    for (size_t e = 1; e <= k; e++)
        first[e] = (uint16_t)(first[e] + first[e - 1]);
    for (size_t i = 0; i < m; i++)
        order[first[end[i]]++] = (uint16_t)i;
}

/* Turns columns from .. end so that of this row only the first of them is left; `others` are
 * turned along. */
static void reflect(double *B, size_t k, size_t from, size_t end, double *row,
                    const uint16_t *others, size_t count)
{
    EXPECT(from < end && end <= k);
    double norm = 0.0;
    for (size_t j = from; j < end; j++)
        norm = hypot(norm, row[j]);
    /* what exact observations leave shrinks at every step; here it is zero */
    if (!(norm > 0x1p-900)) {
        memset(row + from, 0, (end - from) * sizeof *row);
        return;
    }
    /* In units of the row's own length, so that no square underflows. */
    for (size_t j = from; j < end; j++)
        row[j] /= norm;
    /* I - 2 u u'/u'u with u = row - head e_1 maps the row of length 1 to head e_1. The head has the
     * sign that the row's first entry has not, so that u_1 does not cancel; then
     * u'u = 2 - 2 head row_1 = -2 head u_1. */
    double head = row[from] > 0.0 ? -1.0 : 1.0, pivot = row[from] - head;
    for (size_t l = 0; l < count; l++) {
        double *other = B + others[l] * k, dot = other[from] * pivot;
        for (size_t j = from + 1; j < end; j++)
            dot += other[j] * row[j];
        double factor = dot / (head * pivot); /* = -2 dot / u'u, for u'u = -2 head pivot */
        other[from] += factor * pivot;
        for (size_t j = from + 1; j < end; j++)
            other[j] += factor * row[j];
    }
    row[from] = head * norm;
    for (size_t j = from + 1; j < end; j++)
        row[j] = 0.0;
}

/*
 * By Householder reflections from the right: S is triangular but for the order of its rows. Rows
 * that end early come first. Those of a season are last step's, moved along: they end about where
 * they should, and a reflection turns a few columns instead of all.
 */
void square_root_compress(double *B, size_t m, size_t k, double *S, struct cancel_check *cancel)
{
    EXPECT(m <= k && m <= KALMAN_STATES_MAX && k <= (size_t)3 * KALMAN_STATES_MAX);
    EXPECT(B != S);
    uint16_t order[KALMAN_STATES_MAX] = {0}, end[KALMAN_STATES_MAX] = {0};
    rows_by_end(B, m, k, order, end);
    for (size_t i = 0; i < m && !(cancel_poll(cancel, 2 * (m - i) * (k - i))); i++)
        if (end[order[i]] > i + 1)
            reflect(B, k, i, end[order[i]], B + order[i] * k, order + i + 1, m - i - 1);
    for (size_t i = 0; i < m; i++)
        memcpy(S + i * m, B + i * k, m * sizeof(double));
}

void square_root_of(const double *Q, size_t r, double *root)
{
    EXPECT(Q != root);
    memset(root, 0, r * r * sizeof *root);
    for (size_t j = 0; j < r; j++) {
        /* Column j of the root: root_jj^2 = Q_jj - sum root_jk^2, root_ij = (Q_ij - sum root_ik
         * root_jk)/ root_jj. Where nothing but rounding is left Q has no more rank, and the
         * column stays zero. */
        double pivot = Q[j * r + j];
        for (size_t k = 0; k < j; k++)
            pivot -= root[j * r + k] * root[j * r + k];
        if (!(pivot > 1e-15 * Q[j * r + j]))
            continue;
        root[j * r + j] = sqrt(pivot);
        for (size_t i = j + 1; i < r; i++) {
            double sum = Q[i * r + j];
            for (size_t k = 0; k < j; k++)
                sum -= root[i * r + k] * root[j * r + k];
            root[i * r + j] = sum / root[j * r + j];
        }
    }
}

void square_root_predict(const struct sparse *T, size_t r, const double *R, const double *Q,
                         double *S, double *root_Q, double *array)
{
    EXPECT(array != S && root_Q != array);
    size_t m = T->size, k = m + r;
    /* T P T' + R Q R' = [R Q^1/2, T S][R Q^1/2, T S]': the array, which is then turned until it is
     * square (Kaminski, Bryson & Schmidt 1971). */
    square_root_of(Q, r, root_Q);
    for (size_t i = 0; i < m; i++) {
        double *row = array + i * k; /* the noise, then T S */
        memset(row, 0, k * sizeof *row);
        for (size_t l = 0; l < r; l++)
            for (size_t j = 0; j <= l; j++)
                row[j] += R[i * r + l] * root_Q[l * r + j];
        for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
            for (size_t j = 0; j < m; j++)
                row[r + j] += T->value[e] * S[T->column[e] * m + j];
    }
    square_root_compress(array, m, k, S, NULL);
}

/* Turns the columns of S, two neighbours at a time from the last, so that w = S'z is left in the
 * first alone; returns it. */
static double gather(double *S, size_t m, const double *w)
{
    EXPECT(m > 0 && m <= KALMAN_STATES_MAX);
    double cosine[KALMAN_STATES_MAX], sine[KALMAN_STATES_MAX], left = w[m - 1];
    for (size_t j = m; --j > 0;) {
        /* The turn of columns j-1 and j that takes the last of w, gathered so far, into the one
         * before: w'(S S')w does not change, for a turn is orthogonal. */
        double norm = hypot(w[j - 1], left);
        cosine[j] = left != 0.0 ? w[j - 1] / norm : 1.0;
        sine[j] = left != 0.0 ? left / norm : 0.0;
        left = left != 0.0 ? norm : w[j - 1];
    }
    for (size_t i = 0; i < m; i++) {
        double *row = S + i * m;
        size_t last = m - 1;
        /* a turn of two zeros */
        while (last > 0 && row[last - 1] == 0.0 && row[last] == 0.0)
            last--;
        double carried = row[last];
        for (size_t j = last; j > 0; j--) {
            double before = row[j - 1];
            row[j] = cosine[j] * carried - sine[j] * before;
            carried = cosine[j] * before + sine[j] * carried;
        }
        row[0] = carried;
    }
    return left;
}

void square_root_update(double *S, size_t m, const double *w, double F, double h)
{
    assert(F > 0.0 && h >= 0.0);
    /* P - P z z'P/F = S (I - w w'/F) S'. With w = (|w|, 0, ..) that is a 1 - w'w/F = h/F in one
     * place. */
    double factor = sqrt(h / F);
    (void)gather(S, m, w);
    for (size_t i = 0; i < m; i++)
        S[i * m] *= factor;
}

void square_root_diffuse(double *S, size_t m, const double *w, const double *K0, double h,
                         double *array)
{
    EXPECT(array != S);
    assert(h >= 0.0);
    size_t k = m + 1;
    /* [K0 h^1/2, (I - K0 z')S]: z'S = w' is zero but for its first entry now, so K0 z'S changes the
     * first column only. */
    double gathered = gather(S, m, w), noise = sqrt(h);
    for (size_t i = 0; i < m; i++) {
        array[i * k] = K0[i] * noise;
        array[i * k + 1] = S[i * m] - K0[i] * gathered;
        memcpy(array + i * k + 2, S + i * m + 1, (m - 1) * sizeof(double));
    }
    square_root_compress(array, m, k, S, NULL);
}
