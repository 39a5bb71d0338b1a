/*
 * The scale of a model beside that of the data: the transform of a request, and its inverse.
 * Private to modelling.
 */
#ifndef LUNA_MODELLING_SCALE_H
#define LUNA_MODELLING_SCALE_H

#include "luna/modelling/run.h"

#include <kalman/spec.h>
#include <kalman/transform.h>

/* The transform that the request asks for, none where it leaves the choice, and the values that it
 * makes of the series: in the arena, NULL without a transform. A value that has none is a fault. */
enum luna_run_status scale_apply(const struct luna_request *request, const struct kalman_spec *spec,
                                 struct luna_arena *arena, struct luna_faults *faults,
                                 struct kalman_transform *ret_transform, double **ret_values)
    __attribute__((warn_unused_result));

/* Does the request leave the choice? */
bool scale_is_chosen(const struct luna_request *request, const struct kalman_spec *spec);

/* The transform as answers name it. */
struct luna_transform scale_served(const struct kalman_transform *transform);

/* n means, in place: medians of the data, or their means where `means` says so; and their
 * variances. mean NULL: nothing; variance NULL: medians. */
void scale_restore_moments(const struct kalman_transform *transform, bool means, size_t n,
                           double *mean, double *variance);

/* n quantiles, in place. */
void scale_restore_bounds(const struct kalman_transform *transform, size_t n, double *bounds);

#endif
