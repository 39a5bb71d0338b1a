#include "filter/augmented.h"

#include "numeric/expect.h"

#include <math.h>
#include <string.h>

/* What rounding leaves of a zero, relative to the length of its column: 106 bits, less a few. */
static const double zero_pivot = 0x1p-101, zero_share = 0x1p-88;
/* What delta adds to a variance may be so many times F: each of them loses digits of an ordinary
 * variance, and more of what a smoother takes from it. */
static const double settled_ratio = 1;

size_t augmented_kept_doubles(size_t states, size_t diffuse)
{
    return 2 * (states + diffuse) * (diffuse + 1) + diffuse; /* E and R, size */
}

size_t augmented_scratch_doubles(size_t diffuse)
{
    return 4 * (diffuse + 1); /* row, work */
}

void augmented_carve(struct augmented *g, size_t states, size_t diffuse, double *kept,
                     double *scratch)
{
    EXPECT(kept != NULL);
    g->states = states;
    g->diffuse = g->columns = diffuse;
    g->E = (struct twofold *)(void *)kept;
    g->R = g->E + states * (diffuse + 1);
    g->size = (double *)(void *)(g->R + diffuse * (diffuse + 1));
    if (scratch) {
        g->row = (struct twofold *)(void *)scratch;
        g->work = g->row + diffuse + 1;
    }
}

void augmented_start(struct augmented *g, const double *A1, const double *mean)
{
    EXPECT(A1 && mean);
    size_t d = g->diffuse;
    g->columns = d;
    memset(g->R, 0, d * (d + 1) * sizeof *g->R);
    memset(g->size, 0, d * sizeof *g->size);
    for (size_t i = 0; i < g->states; i++) {
        for (size_t k = 0; k < d; k++)
            g->E[i * (d + 1) + k] = twofold_of(-A1[i * d + k]);
        g->E[i * (d + 1) + d] = twofold_of(mean[i]);
    }
}

/* out = -z'E */
static void project(const struct augmented *g, const struct twofold *E, const double *z,
                    struct twofold *out)
{
    size_t d = g->diffuse;
    for (size_t k = 0; k <= d; k++)
        out[k] = twofold_of(0.0);
    for (size_t i = 0; i < g->states; i++) {
        if (z[i] == 0.0)
            continue;
        const struct twofold *row = E + i * (d + 1);
        for (size_t k = 0; k < g->columns; k++)
            out[k] = twofold_add(out[k], twofold_scale(row[k], -z[i]));
        out[d] = twofold_add(out[d], twofold_scale(row[d], -z[i]));
    }
}

void augmented_observe(struct augmented *g, const double *z, double y)
{
    project(g, g->E, z, g->row);
    g->row[g->diffuse] = twofold_add(g->row[g->diffuse], twofold_of(y));
}

bool augmented_solve(struct augmented *g, const struct twofold *x, double *ret_c)
{
    EXPECT(x != g->work);
    size_t lead = g->diffuse + 1;
    bool determined = true;
    for (size_t k = 0; k < g->columns; k++) {
        const struct twofold pivot = g->R[k * lead + k];
        struct twofold sum = x[k];
        double size = fabs(sum.high);
        for (size_t l = 0; l < k; l++) {
            struct twofold term = twofold_multiply(g->R[l * lead + k], g->work[l]);
            sum = twofold_add(sum, twofold_negative(term));
            size = fmax(size, fabs(term.high));
        }
        bool open = !(pivot.high > 0.0); /* no row yet: x'delta may not ask for this element */
        g->work[k] = open ? twofold_of(0.0) : twofold_divide(sum, pivot);
        determined = determined && !(open && fabs(sum.high) > zero_share * size);
        ret_c[k] = twofold_value(g->work[k]);
    }
    return determined;
}

/* c'q in twice the precision, c as augmented_solve() left it. */
static struct twofold fitted(const struct augmented *g)
{
    size_t d = g->diffuse, lead = d + 1;
    struct twofold sum = twofold_of(0.0);
    for (size_t k = 0; k < g->columns; k++)
        sum = twofold_add(sum, twofold_multiply(g->work[k], g->R[k * lead + d]));
    return sum;
}

static double moved(const struct augmented *g, const double *c, const double *shift)
{
    double sum = 0.0;
    for (size_t k = 0; shift && k < g->columns; k++)
        sum += c[k] * shift[k];
    return sum;
}

bool augmented_error(struct augmented *g, const struct twofold *row, const double *shift,
                     double *ret_c, double *ret_error)
{
    bool determined = augmented_solve(g, row, ret_c);
    /* v and V delta^ are of the size of the data, their difference may be of that of the noise. */
    struct twofold error = twofold_add(row[g->diffuse], twofold_negative(fitted(g)));
    *ret_error = twofold_value(error) - moved(g, ret_c, shift);
    return determined;
}

bool augmented_signal(struct augmented *g, const struct twofold *E, const double *z,
                      const double *shift, double *ret_c, double *ret_mean)
{
    project(g, E, z, g->row);
    bool determined = augmented_error(g, g->row, shift, ret_c, ret_mean);
    *ret_mean = -*ret_mean; /* the row is that of an observation 0 */
    return determined;
}

bool augmented_states(struct augmented *g, const struct twofold *E, const double *shift,
                      double *ret_mean, double *ret_root)
{
    size_t d = g->diffuse, lead = d + 1;
    bool determined = true;
    for (size_t i = 0; i < g->states; i++) {
        for (size_t k = 0; k <= d; k++)
            g->row[k] = twofold_negative(E[i * lead + k]);
        double *c = ret_root + i * d;
        memset(c, 0, d * sizeof *c);
        determined = augmented_error(g, g->row, shift, c, &ret_mean[i]) && determined;
        ret_mean[i] = -ret_mean[i];
    }
    return determined;
}

/* Turns the row into row k of R, which is in use, so that its element k is zero; returns what that
 * multiplies the variance of the row by. */
static double rotate(struct augmented *g, size_t k)
{
    size_t d = g->diffuse;
    struct twofold *kept = g->R + k * (d + 1), *row = g->row;
    struct twofold square = twofold_fused(twofold_multiply(kept[k], kept[k]), row[k], row[k]);
    struct twofold length = twofold_root(square), cosine = twofold_divide(kept[k], length),
                   sine = twofold_divide(row[k], length);
    double growth = length.high / kept[k].high;
    kept[k] = length;
    row[k] = twofold_of(0.0);
    for (size_t l = k + 1; l <= d; l++) {
        if (l >= g->columns && l < d)
            continue;
        struct twofold before = kept[l];
        kept[l] = twofold_fused(twofold_multiply(cosine, before), sine, row[l]);
        row[l] = twofold_fused(twofold_multiply(cosine, row[l]), twofold_negative(sine), before);
    }
    return growth * growth;
}

/* A first row for element k: the row itself, with a positive pivot. */
static void open_row(struct augmented *g, size_t k)
{
    size_t d = g->diffuse;
    bool negative = g->row[k].high < 0.0;
    for (size_t l = k; l <= d; l++)
        g->R[k * (d + 1) + l] = negative ? twofold_negative(g->row[l]) : g->row[l];
}

struct augmented_step augmented_take(struct augmented *g, const double *K, double F)
{
    assert(F > 0.0);
    size_t d = g->diffuse, lead = d + 1;
    const double weight = 1.0 / sqrt(F);
    struct augmented_step step = {.growth = 1.0};
    for (size_t k = 0; k <= d; k++) {
        if (k >= g->columns && k < d)
            continue;
        for (size_t i = 0; i < g->states; i++)
            if (K[i] != 0.0)
                g->E[i * lead + k] =
                    twofold_add(g->E[i * lead + k], twofold_scale(g->row[k], K[i]));
        g->row[k] = twofold_scale(g->row[k], weight);
        if (k < d)
            g->size[k] += g->row[k].high * g->row[k].high;
    }
    for (size_t k = 0; k < g->columns; k++) {
        bool in_use = g->R[k * lead + k].high > 0.0;
        if (!in_use && fabs(g->row[k].high) > zero_pivot * sqrt(g->size[k])) {
            open_row(g, k);
            step.growth *= g->row[k].high * g->row[k].high;
            step.direction = true;
            return step;
        }
        if (in_use)
            step.growth *= rotate(g, k);
    }
    step.residual = twofold_value(g->row[d]);
    return step;
}

/* Householder's reflection of the first `columns` elements of x in u, u'u = square. */
static void reflect(const struct augmented *g, const struct twofold *u, struct twofold square,
                    struct twofold *x)
{
    struct twofold dot = twofold_of(0.0);
    for (size_t k = 0; k < g->columns; k++)
        dot = twofold_fused(dot, u[k], x[k]);
    dot = twofold_divide(twofold_scale(dot, -2.0), square);
    for (size_t k = 0; k < g->columns; k++)
        x[k] = twofold_fused(x[k], dot, u[k]);
}

bool augmented_eliminate(struct augmented *g, double *ret_K0, double *ret_square)
{
    size_t d = g->diffuse, lead = d + 1, last = g->columns - 1;
    struct twofold square = twofold_of(0.0);
    for (size_t k = 0; k < g->columns; k++)
        square = twofold_fused(square, g->row[k], g->row[k]);
    bool started = false;
    for (size_t k = 0; k < g->columns; k++)
        started = started || g->R[k * lead + k].high > 0.0;
    /* Only noise makes rows of R, and where there was some there is some of it in every later
     * value: an exact one can come first only. */
    if (g->columns == 0 || started || !(square.high > 0.0))
        return false;
    /* With u = V +- |V| e_last, delta turned by I - 2 u u'/u'u has V delta in its last place. */
    struct twofold length = twofold_root(square), u_square = square;
    if (g->row[last].high > 0.0)
        length = twofold_negative(length);
    memcpy(g->work, g->row, g->columns * sizeof *g->work);
    g->work[last] = twofold_add(g->work[last], twofold_negative(length));
    u_square = twofold_of(0.0);
    for (size_t k = 0; k < g->columns; k++)
        u_square = twofold_fused(u_square, g->work[k], g->work[k]);
    struct twofold value = twofold_divide(g->row[d], length); /* of the last element of delta */
    for (size_t i = 0; i < g->states; i++) {
        struct twofold *row = g->E + i * lead;
        reflect(g, g->work, u_square, row);
        /* alpha = a - E delta: what that element does is part of the mean from here on. */
        row[d] = twofold_fused(row[d], twofold_negative(row[last]), value);
        ret_K0[i] = -twofold_value(twofold_divide(row[last], length));
    }
    g->columns--;
    *ret_square = square.high;
    return true;
}

void augmented_transition(struct augmented *g, const struct sparse *T, const double *c, double unit)
{
    EXPECT(T->size == g->states && g->states <= KALMAN_STATES_MAX);
    size_t d = g->diffuse, lead = d + 1;
    struct twofold column[KALMAN_STATES_MAX];
    for (size_t k = 0; k <= d; k++) {
        if (k >= g->columns && k < d)
            continue;
        for (size_t i = 0; i < g->states; i++)
            column[i] = g->E[i * lead + k];
        for (size_t i = 0; i < g->states; i++) {
            struct twofold sum = twofold_of(k == d ? c[i] * unit : 0.0);
            for (uint32_t e = T->start[i]; e < T->start[i + 1]; e++)
                sum = twofold_add(sum, twofold_scale(column[T->column[e]], T->value[e]));
            g->E[i * lead + k] = sum;
        }
    }
}

bool augmented_determined(const struct augmented *g)
{
    for (size_t k = 0; k < g->columns; k++)
        if (!(g->R[k * (g->diffuse + 1) + k].high > 0.0))
            return false;
    return true;
}

bool augmented_due(const struct augmented *g, size_t count)
{
    /* Asking costs m d^2 / 2, as much as d / 6 steps. */
    size_t every = g->diffuse / 4 + 1;
    return count % every == 0 && augmented_determined(g);
}

bool augmented_settled(const struct augmented *g, const double *root, double F)
{
    for (size_t i = 0; i < g->states; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < g->columns; k++)
            sum += root[i * g->diffuse + k] * root[i * g->diffuse + k];
        if (!(sum <= settled_ratio * F))
            return false;
    }
    return true;
}
