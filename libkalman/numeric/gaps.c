#include "numeric/gaps.h"

#include "numeric/expect.h"
#include "numeric/lag_polynomial.h"

#include <math.h>
#include <string.h>

/* The value of a period earlier, which is there already; else the next one of that place; else of
 * whatever place. */
static double stand_in(const double *values, size_t count, size_t period, size_t t)
{
    size_t step = period > 0 ? period : 1;
    if (t >= step)
        return values[t - step];
    for (size_t later = t + step; later < count; later += step)
        if (!isnan(values[later]))
            return values[later];
    return t > 0 ? values[t - 1] : 0;
}

bool gaps_fill(struct gaps *gaps, double *values, size_t count, size_t period, size_t most)
{
    EXPECT(most <= GAPS_MAX);
    gaps->count = 0;
    for (size_t t = 0; t < count; t++) {
        if (!isnan(values[t]))
            continue;
        if (gaps->count == most)
            return false;
        gaps->at[gaps->count++] = t;
        values[t] = stand_in(values, count, period, t);
    }
    return true;
}

void gaps_difference(struct gaps *gaps, size_t plain, size_t seasonal, size_t period,
                     double *workspace)
{
    gaps->lags = plain + seasonal * period;
    gaps->effect = workspace;
    memset(workspace, 0, gaps_doubles(gaps->lags) * sizeof(double));
    workspace[gaps->lags] = 1;
    (void)lag_differences_of(workspace, gaps_doubles(gaps->lags), plain, seasonal, period);
}
