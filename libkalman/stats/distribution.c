#include "stats/distribution.h"

#include "numeric/expect.h"

#include <float.h>
#include <math.h>

enum { terms_max = 100000 }; /* the fractions need O(sqrt(a)) terms, the series too */

static double log_gamma(double x)
{
    int sign; /* lgamma() would write the global signgam: not thread-safe */
    return lgamma_r(x, &sign);
}

/* Lower regularised gamma by its series (Abramowitz and Stegun 6.5.29): all terms positive; for
 * x < a + 1. */
static double gamma_lower_series(double a, double x)
{
    assert(a > 0 && x >= 0);
    double term = 1 / a, sum = term;
    for (int i = 1; i < terms_max && term > sum * (DBL_EPSILON / 8); i++) {
        term *= x / (a + i);
        sum += term;
    }
    return sum * exp(a * log(x) - x - log_gamma(a));
}

/* Upper regularised gamma by its continued fraction (A&S 6.5.31), evaluated by Lentz's method; for
 * x >= a + 1. */
static double gamma_upper_fraction(double a, double x)
{
    assert(a > 0 && x >= 0);
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int i = 1; i < terms_max; i++) {
        double numerator = -i * (i - a);
        b += 2;
        d = numerator * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + numerator / c;
        c = fabs(c) < tiny ? tiny : c;
        double change = d * c;
        h *= change;
        if (fabs(change - 1) < DBL_EPSILON)
            break;
    }
    return h * exp(a * log(x) - x - log_gamma(a));
}

double chi_squared_upper(double x, double degrees)
{
    if (isnan(x) || isnan(degrees))
        return NAN;
    if (x <= 0)
        return 1;
    double a = degrees / 2, half = x / 2;
    if (isinf(half))
        return 0;
    /* Each where it converges fast. 1 - P loses at most a digit there: P is below 0.92 for a >=
     * 1/2, and a tiny tail comes from the fraction directly. */
    return half < a + 1 ? 1 - gamma_lower_series(a, half) : gamma_upper_fraction(a, half);
}

static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction of the incomplete beta function (A&S 26.5.8) by Lentz's method; fast for x
 * < a / (a + b). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < terms_max; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        h *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON)
            break;
    }
    return h;
}

/* I_x(a, b) with 1 - x given separately, so that neither end loses digits. */
static double beta_regularised(double a, double b, double x, double complement)
{
    assert(a > 0 && b > 0);
    double front =
        exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(complement));
    /* The fraction converges fast below about the mean; above it I_x(a, b) = 1 - I_{1-x}(b, a). */
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, complement) / b;
}

double f_upper(double x, double numerator, double denominator)
{
    if (isnan(x) || isnan(numerator) || isnan(denominator))
        return NAN;
    if (x <= 0)
        return 1;
    if (isinf(x))
        return 0;
    /* P(F > x) = I_{d/(d + n x)}(d/2, n/2) (A&S 26.6.2); the complement n x/(d + n x) is
     * computed, not subtracted. */
    double total = numerator * x + denominator;
    return beta_regularised(denominator / 2, numerator / 2, denominator / total,
                            numerator * x / total);
}

double normal_lower(double x)
{
    /* erfc keeps its digits in the lower tail, where 1 + erf would cancel. */
    return 0.5 * erfc(-x / 1.4142135623730950488);
}

static double ratio_of_polynomials(const double numerator[8], const double denominator[8], double x)
{
    double above = numerator[7], below = denominator[7];
    for (int i = 6; i >= 0; i--) {
        above = above * x + numerator[i];
        below = below * x + denominator[i];
    }
    return above / below;
}

/* Wichura (1988), algorithm AS 241, PPND16: relative accuracy about 1e-16. */
static double quantile_centre(double q)
{
    assert(fabs(q) <= 0.425);
    static const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                1.9715909503065514427e3, 1.3731693765509461125e4,
                                4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e1,
                                6.8718700749205790830e2,
                                5.3941960214247511077e3,
                                2.1213794301586595867e4,
                                3.9307895800092710610e4,
                                2.8729085735721942674e4,
                                5.2264952788528545610e3};
    return q * ratio_of_polynomials(a, b, 0.180625 - q * q);
}

static double quantile_tail(double r)
{
    assert(r > 0);
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    return r <= 5 ? ratio_of_polynomials(c, d, r - 1.6) : ratio_of_polynomials(e, f, r - 5);
}

double normal_quantile(double probability)
{
    if (!(probability >= 0 && probability <= 1))
        return NAN;
    if (probability == 0 || probability == 1)
        return probability == 0 ? -INFINITY : INFINITY;
    double q = probability - 0.5;
    if (fabs(q) <= 0.425)
        return quantile_centre(q);
    /* From the nearer end, so that 1 - probability is exact. */
    double r = sqrt(-log(q < 0 ? probability : 1 - probability));
    return q < 0 ? -quantile_tail(r) : quantile_tail(r);
}
