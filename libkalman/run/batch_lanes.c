#include "run/batch_lanes.h"

#include "numeric/expect.h"

void batch_lanes_filter(struct batch_lanes *lanes, size_t steps, struct batch_chunk *chunk)
{
    EXPECT(steps <= BATCH_STEPS);
    /* Local copies: the compiler cannot know that the chunk's rows are not the lanes' own. */
    double a[BATCH_LANES], P[BATCH_LANES], Q[BATCH_LANES];
    for (size_t k = 0; k < BATCH_LANES; k++) {
        a[k] = lanes->a[k];
        P[k] = lanes->P[k];
        Q[k] = lanes->Q[k];
    }
    for (size_t t = 0; t < steps; t++) {
        for (size_t k = 0; k < BATCH_LANES; k++) {
            double h = chunk->h[t][k], predicted = P[k] + Q[k], K = predicted / (predicted + h);
            /* DK 2.15: K = P/F with F = P + h, a <- a + K v, P <- P h/F = K h. The product, for P
             * (1
             * - K) cancels where K is near 1; and one division serves both. */
            double next = a[k] + K * (chunk->y[t][k] - a[k]);
            chunk->a_before[t][k] = a[k];
            chunk->P_before[t][k] = predicted;
            a[k] = next;
            P[k] = K * h;
            chunk->a[t][k] = next;
            chunk->P[t][k] = P[k];
        }
    }
    for (size_t k = 0; k < BATCH_LANES; k++) {
        lanes->a[k] = a[k];
        lanes->P[k] = P[k];
    }
}

void batch_lanes_likelihood(struct batch_lanes *lanes, size_t steps,
                            const struct batch_chunk *chunk)
{
    EXPECT(steps <= BATCH_STEPS);
    for (size_t k = 0; k < BATCH_LANES; k++) {
        lanes->squares[k] = 0.0;
        lanes->product[k] = 1.0;
    }
    /* The product instead of logarithms: one log() for the whole series
     * (filter/likelihood_sum.h). */
    for (size_t t = 0; t < steps; t++)
        for (size_t k = 0; k < BATCH_LANES; k++) {
            double h = chunk->h[t][k], v = chunk->y[t][k] - chunk->a_before[t][k],
                   F = chunk->P_before[t][k] + h;
            assert(!(F <= 0.0));
            /* v / F first: v v alone may overflow. */
            lanes->squares[k] += v / F * v; /* a missing one adds less than 2^-900 */
            lanes->product[k] *= h < batch_missing_noise ? F : 1.0;
        }
}
