#include "run/batch_gain.h"

#include "model/system.h"
#include "numeric/expect.h"

#include <math.h>
#include <string.h>

size_t gain_table_doubles(size_t count)
{
    return 5 * count;
}

/* The filter itself fills the table, fed with values that do not matter: zeros. */
void gain_table_make(struct gain_table *table, const struct kalman_model *model, size_t count,
                     double *memory)
{
    EXPECT(memory && model->states == 1);
    assert(model->H[0] > 0.0);
    struct level_state state;
    struct level_block block;
    const double zeros[LIKELIHOOD_BLOCK] = {0.0};
    *table = (struct gain_table){
        count, memory, memory + count, memory + 2 * count, memory + 3 * count, memory + 4 * count};
    level_init(&state, model, NULL);
    double log_sum = 0.0;
    for (size_t at = 0; at < count; at += LIKELIHOOD_BLOCK) {
        size_t steps = count - at < LIKELIHOOD_BLOCK ? count - at : LIKELIHOOD_BLOCK, done = 0;
        /* zeros cannot fail a model with noise */
        if (level_advance(&state, zeros, NULL, steps, &block, &done) != KALMAN_OK)
            steps = 0;
        for (size_t i = 0; i < steps; i++) {
            double F = block.F[i];
            bool first = at + i == 0;
            log_sum += first ? 0.0 : log(F);
            /* K_t and F_t follow from H and Q alone (DK 2.11). The first value is a step with
             * gain one from a level of zero, its own centre. */
            table->gain[at + i] = first ? 1.0 : block.P_before[i] / F;
            table->filtered_variance[at + i] = units_variance(&state.units, block.P[i]);
            table->predicted_variance[at + i] = units_variance(&state.units, block.P_before[i]);
            /* Per unit of data: a step is then one multiplication, without root or division. */
            table->inverse_sd[at + i] = first ? 0.0 : ldexp(1.0 / sqrt(F), -model->sd_exponent);
            table->log_F[at + i] = log_sum;
        }
    }
}

/* Steps from .. to, lane by lane: whatever gains they have. */
static inline void advance(struct gain_lane lanes[GAIN_LANES_RAGGED], size_t from, size_t to,
                           bool sums)
{
    assert(from <= to && to <= GAIN_STEPS);
    double a[GAIN_LANES_RAGGED], centre[GAIN_LANES_RAGGED], squares[GAIN_LANES_RAGGED];
    for (size_t k = 0; k < GAIN_LANES_RAGGED; k++) {
        a[k] = lanes[k].a;
        centre[k] = lanes[k].centre;
        squares[k] = lanes[k].squares;
    }
    for (size_t t = from; t < to; t++)
        for (size_t k = 0; k < GAIN_LANES_RAGGED; k++) {
            /* y - centre first: exact when y is near, however large the centre is. The variance
             * has no part in it, so a step is a subtraction, a product and a sum (DK 2.15). */
            double v = lanes[k].y[t] - centre[k] - a[k];
            a[k] += lanes[k].gain[t] * v;
            lanes[k].mean[t] = centre[k] + a[k];
            if (sums) {
                double standardised = v * lanes[k].inverse_sd[t];
                squares[k] += standardised * standardised;
                lanes[k].standardized[t] = standardised;
            }
        }
    for (size_t k = 0; k < GAIN_LANES_RAGGED; k++) {
        lanes[k].a = a[k];
        lanes[k].squares = squares[k];
    }
}

#ifdef __x86_64__

typedef double four __attribute__((vector_size(32)));
/* as they lie in a series */
typedef double two_anywhere __attribute__((vector_size(16), aligned(8)));
typedef double four_anywhere __attribute__((vector_size(32), aligned(8)));
enum { WIDTH = 4, GROUPS = GAIN_LANES / WIDTH };

#define WIDE inline __attribute__((always_inline, target("avx2")))
#define UNROLLED _Pragma("GCC unroll 4")

/* Two values of two lanes, the second lane's above the first's: half the shuffles of a
 * transposition come with loading. */
static WIDE four load_pair(const double *lane, const double *other)
{
    return __builtin_shufflevector(*(const two_anywhere *)lane, *(const two_anywhere *)other, 0, 1,
                                   2, 3);
}

static WIDE four evens(four a, four b)
{
    return __builtin_shufflevector(a, b, 0, 4, 2, 6);
}

static WIDE four odds(four a, four b)
{
    return __builtin_shufflevector(a, b, 1, 5, 3, 7);
}

/* Rows of steps into the lanes' own arrays. */
static WIDE void store_square(const four y[WIDTH], double *const to[WIDTH])
{
    four even = evens(y[0], y[1]), odd = odds(y[0], y[1]), even_after = evens(y[2], y[3]),
         odd_after = odds(y[2], y[3]);
    *(four_anywhere *)to[0] = __builtin_shufflevector(even, even_after, 0, 1, 4, 5);
    *(four_anywhere *)to[1] = __builtin_shufflevector(odd, odd_after, 0, 1, 4, 5);
    *(four_anywhere *)to[2] = __builtin_shufflevector(even, even_after, 2, 3, 6, 7);
    *(four_anywhere *)to[3] = __builtin_shufflevector(odd, odd_after, 2, 3, 6, 7);
}

/* What moves in four lanes. */
struct group {
    four a, centre, squares;
};

/* Four steps of four lanes: the operations of advance(), to the bit. */
static WIDE void advance_square(struct group *group, const struct gain_lane *lanes,
                                const four gain[WIDTH], size_t t, bool sums)
{
    four y[WIDTH], standardised[WIDTH];
    UNROLLED for (size_t i = 0; i < WIDTH; i += 2)
    {
        four pair = load_pair(lanes[0].y + t + i, lanes[2].y + t + i),
             other = load_pair(lanes[1].y + t + i, lanes[3].y + t + i);
        y[i] = evens(pair, other);
        y[i + 1] = odds(pair, other);
    }
    UNROLLED for (size_t i = 0; i < WIDTH; i++)
    {
        four v = y[i] - group->centre - group->a;
        group->a += gain[i] * v;
        y[i] = group->centre + group->a;
        if (sums) {
            standardised[i] = v * lanes->inverse_sd[t + i];
            group->squares += standardised[i] * standardised[i];
        }
    }
    double *const mean[] = {lanes[0].mean + t, lanes[1].mean + t, lanes[2].mean + t,
                            lanes[3].mean + t};
    store_square(y, mean);
    if (!sums)
        return;
    double *const to[] = {lanes[0].standardized + t, lanes[1].standardized + t,
                          lanes[2].standardized + t, lanes[3].standardized + t};
    store_square(standardised, to);
}

/* Whole squares of the steps for lanes that share one run of gains; returns the steps done. */
static WIDE size_t advance_squares(struct gain_lane lanes[GAIN_LANES], size_t steps, bool sums)
{
    /* Four chains of four lanes: a step of one waits for its own last sum only, and the others fill
     * the wait. */
    struct group groups[GROUPS];
    size_t t = 0;
    for (size_t k = 0; k < GAIN_LANES; k++) {
        groups[k / WIDTH].a[k % WIDTH] = lanes[k].a;
        groups[k / WIDTH].centre[k % WIDTH] = lanes[k].centre;
        groups[k / WIDTH].squares[k % WIDTH] = lanes[k].squares;
    }
    for (; t + WIDTH <= steps; t += WIDTH) {
        four gain[WIDTH]; /* one gain in all lanes: x - 0 is x, to the bit */
        UNROLLED for (size_t i = 0; i < WIDTH; i++) gain[i] = lanes->gain[t + i] - (four){0};
        UNROLLED for (size_t g = 0; g < GROUPS; g++)
            advance_square(&groups[g], lanes + g * WIDTH, gain, t, sums);
    }
    for (size_t k = 0; k < GAIN_LANES; k++) {
        lanes[k].a = groups[k / WIDTH].a[k % WIDTH];
        lanes[k].squares = groups[k / WIDTH].squares[k % WIDTH];
    }
    return t;
}

__attribute__((target("avx2"))) static size_t advance_shared(struct gain_lane lanes[GAIN_LANES],
                                                             size_t steps, bool sums)
{
    return sums ? advance_squares(lanes, steps, 1) : advance_squares(lanes, steps, 0);
}

static bool has_wide_registers(void)
{
    return __builtin_cpu_supports("avx2");
}

#else

static size_t advance_shared(struct gain_lane lanes[GAIN_LANES], size_t steps, bool sums)
{
    (void)lanes;
    (void)steps;
    (void)sums;
    return 0;
}

static bool has_wide_registers(void)
{
    return false;
}

#endif

static bool share_gains(const struct gain_lane lanes[GAIN_LANES])
{
    assert(lanes[0].gain);
    for (size_t k = 1; k < GAIN_LANES; k++)
        if (lanes[k].gain != lanes[0].gain)
            return false;
    return true;
}

void gain_lanes_advance(struct gain_lane *lanes, size_t count, size_t steps, bool sums)
{
    EXPECT(count == GAIN_LANES || count == GAIN_LANES_RAGGED);
    EXPECT(steps <= GAIN_STEPS);
    size_t done = 0;
    if (count == GAIN_LANES && has_wide_registers() && share_gains(lanes))
        done = advance_shared(lanes, steps, sums);
    /* two copies of the loop, each without the question inside */
    for (size_t k = 0; k < count && done < steps; k += GAIN_LANES_RAGGED)
        if (sums)
            advance(lanes + k, done, steps, 1);
        else
            advance(lanes + k, done, steps, 0);
}
