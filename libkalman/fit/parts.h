/* What kalman_fit() is made of. Private to libkalman. */
#ifndef KALMAN_FIT_PARTS_H
#define KALMAN_FIT_PARTS_H

#include <kalman/fit.h>
#include <stddef.h>

/* Everything of one call; options is never NULL here, the series is checked, ret_fit->spec is a
 * copy of spec. */
struct fit_request {
    const struct kalman_spec *spec;
    const struct kalman_series *series;
    const struct kalman_fit_options *options;
    void *workspace; /* the bytes that the kind asked for, aligned to KALMAN_ALIGN */
    struct kalman_candidate *candidates;
};

/* Local level without known inputs: level_fit.c */
size_t level_fit_bytes(size_t count);
int level_fit(const struct fit_request *request, struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/* Every other kind, and local level with inputs, by NLopt: fit_general.c */
int fit_general_bytes(const struct kalman_spec *spec, size_t count,
                      size_t *ret_bytes) KALMAN_MUSTCHECK;
int fit_general(const struct fit_request *request, struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/* KALMAN_AUTO: fit_auto.c */
int fit_auto_bytes(const struct kalman_spec *spec, size_t count,
                   size_t *ret_bytes) KALMAN_MUSTCHECK;
int fit_auto(const struct fit_request *request, struct kalman_fit *ret_fit) KALMAN_MUSTCHECK;

/* Fills aic, aicc, bic from loglikelihood, parameter_count, diffuse_count and observation_count. */
void fit_information_criteria(struct kalman_fit *fit);

/* Scale of a univariate series: the first finite value, and the exponent k with |y - centre| <
 * 2^(k+1) everywhere. Returns the count of finite values; *ret_exponent is INT_MIN when they are
 * all equal (or none). */
size_t fit_series_scale(const double *values, size_t count, double *ret_centre, int *ret_exponent);

/* (y - centre) / 2^exponent, exact up to the rounding of the difference, without overflow. */
double fit_scaled_deviation(double y, double centre, int exponent);

#endif
