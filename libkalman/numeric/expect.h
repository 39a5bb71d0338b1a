/*
 * What a function takes for granted of its caller, inside the library. assert() says it in
 * development and sanitizer builds. EXPECT() says it in every build: for conditions that cost
 * nothing beside the work that they guard, and whose violation would read or write outside an
 * array: the program then stops where the error is. Private to libkalman.
 */
#ifndef KALMAN_EXPECT_H
#define KALMAN_EXPECT_H

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef NDEBUG
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)
#else
#define EXPECT(condition) assert(condition)
#endif

/* What has to be looked at entry by entry: for assert(), and for matrices that the caller
 * varies. */

/* Is X (m x m) symmetric to the last bit? NaN passes: it comes of extreme data. */
static inline bool is_symmetric(const double *X, size_t m)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < i; j++)
            if (X[i * m + j] != X[j * m + i] && !isnan(X[i * m + j]) && !isnan(X[j * m + i]))
                return false;
    return true;
}

/* Is no element infinite or NaN? */
static inline bool is_finite(const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* Do two arrays share no byte? */
static inline bool is_apart(const double *x, size_t x_count, const double *y, size_t y_count)
{
    uintptr_t from = (uintptr_t)x, other = (uintptr_t)y;
    return from + x_count * sizeof *x <= other || other + y_count * sizeof *y <= from;
}

#endif
