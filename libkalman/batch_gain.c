#include "batch_gain.h"

#include "model_system.h"

#include <math.h>
#include <string.h>

size_t gain_table_doubles(size_t count)
{
    return 5 * count;
}

/* The filter itself fills the table, fed with values that do not matter: zeros. */
void gain_table_make(struct gain_table *table, const struct kalman_model *model, size_t count, double *memory)
{
    struct level_state state;
    struct level_block block;
    const double zeros[LIKELIHOOD_BLOCK] = {0.0};
    *table = (struct gain_table){
        count, memory, memory + count, memory + 2 * count, memory + 3 * count, memory + 4 * count};
    level_init(&state, model, NULL);
    double log_sum = 0.0;
    for (size_t at = 0; at < count; at += LIKELIHOOD_BLOCK) {
        size_t steps = count - at < LIKELIHOOD_BLOCK ? count - at : LIKELIHOOD_BLOCK, done = 0;
        if (level_advance(&state, zeros, NULL, steps, &block, &done) != KALMAN_OK)
            steps = 0; /* zeros cannot fail a model with noise */
        for (size_t i = 0; i < steps; i++) {
            double F = block.F[i];
            int first = at + i == 0;
            log_sum += first ? 0.0 : log(F);
            table->gain[at + i] = first ? 1.0 : block.P_before[i] / F;
            table->filtered_variance[at + i] = units_variance(&state.units, block.P[i]);
            table->predicted_variance[at + i] = units_variance(&state.units, block.P_before[i]);
            table->inverse_sd[at + i] = first ? 0.0 : ldexp(1.0 / sqrt(F), -model->sd_exponent);
            table->log_F[at + i] = log_sum;
        }
    }
}

static inline void advance(struct gain_lane lanes[GAIN_LANES], size_t steps, int sums)
{
    double a[GAIN_LANES], centre[GAIN_LANES], squares[GAIN_LANES];
    for (size_t k = 0; k < GAIN_LANES; k++) {
        a[k] = lanes[k].a;
        centre[k] = lanes[k].centre;
        squares[k] = lanes[k].squares;
    }
    for (size_t t = 0; t < steps; t++)
        for (size_t k = 0; k < GAIN_LANES; k++) {
            double v = lanes[k].y[t] - centre[k] - a[k];
            a[k] += lanes[k].gain[t] * v;
            lanes[k].mean[t] = centre[k] + a[k];
            if (sums) {
                double standardised = v * lanes[k].inverse_sd[t];
                squares[k] += standardised * standardised;
                lanes[k].standardized[t] = standardised;
            }
        }
    for (size_t k = 0; k < GAIN_LANES; k++) {
        lanes[k].a = a[k];
        lanes[k].squares = squares[k];
    }
}

void gain_lanes_advance(struct gain_lane lanes[GAIN_LANES], size_t steps, int sums)
{
    if (sums) /* two copies of the loop, each without the question inside */
        advance(lanes, steps, 1);
    else
        advance(lanes, steps, 0);
}
