/* What the tests of libkalman share: data sets, specs in one line, fits and runs that must
 * succeed. */
#ifndef KALMAN_TEST_SUPPORT_H
#define KALMAN_TEST_SUPPORT_H

#include <kalman/fit.h>
#include <kalman/run.h>
#include <kalman/spec.h>
#include <stddef.h>
#include <stdint.h>

struct fit_problem;   /* fit/problem.h */
struct kalman_random; /* kalman/random.h */

/* A series of tests/vectors/kalman by its file name without .csv; NaN where NA. Static, read
 * once. */
const double *vector(const char *name, size_t *ret_count);

/* The same, logarithms taken. */
const double *vector_log(const char *name, size_t *ret_count);

/* Column `column` (from 0) of a table of tests/vectors/kalman with a heading line; NaN where
 * empty. Caller frees. */
double *table_column(const char *name, size_t column, size_t *ret_count);

/* spec_of("seasonal", "period=12 observation_variance=0.1 ar=0.5,0.2"): settings before parameters;
 * what is not named is left to be fitted. */
struct kalman_spec spec_of(const char *kind, const char *words);

/* A level that wanders about 1000, and a season under noise. */
void series_with_season(double *y, size_t n, size_t period, uint64_t seed);

/* The problem of a fit, bound to a series; options may be NULL. Caller frees what it returns. */
void *bind_problem(const struct kalman_spec *spec, const double *y, size_t n,
                   const struct kalman_fit_options *options, struct fit_problem *ret_problem);

/* A complete spec from anywhere in the middle of what such a fit searches. */
void random_point(const struct fit_problem *problem, struct kalman_random *random,
                  struct kalman_spec *ret_spec);

/* kalman_fit, which must succeed. */
struct kalman_fit fit_of(const struct kalman_spec *spec, const double *values, size_t count);
struct kalman_fit fit_series(const struct kalman_spec *spec, const struct kalman_series *series);

/* kalman_run with this output (may be NULL), which must succeed. */
struct kalman_summary run_of(const struct kalman_spec *spec, const struct kalman_series *series,
                             struct kalman_output *output);

/* Diffuse log-likelihood of a complete spec by kalman_run. */
double likelihood_of(const struct kalman_spec *spec, const double *values, size_t count);

/* 1/2 log|X'X| of a damped trend of so many points: what makes a diffuse likelihood marginal. */
double start_of_damped_trend(double damping, size_t count);

/* |actual - expected| <= relative |expected|; prints all three if not. */
#define assert_relative(actual, expected, relative)                                                \
    assert_relative_at((actual), (expected), (relative), #actual, __FILE__, __LINE__)
void assert_relative_at(double actual, double expected, double relative, const char *what,
                        const char *file, int line);

/* |actual - expected| <= absolute, for published figures with a given number of decimals. */
#define assert_within(actual, expected, absolute)                                                  \
    assert_within_at((actual), (expected), (absolute), #actual, __FILE__, __LINE__)
void assert_within_at(double actual, double expected, double absolute, const char *what,
                      const char *file, int line);

#endif
