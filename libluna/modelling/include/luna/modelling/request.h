/*
 * request.h: one modelling request, decoded and validated.
 *
 * Shapes: values[n]; NaN stands for null, a missing observation. Pointers live in the request's
 * arena, but `input` borrows the body's bytes, which must outlive the answer.
 */
#ifndef LUNA_MODELLING_REQUEST_H
#define LUNA_MODELLING_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum luna_output { LUNA_OUTPUT_FILTERED, LUNA_OUTPUT_SMOOTHED, LUNA_OUTPUT_PREDICTED };

/* The scale that the model describes. */
enum luna_transform_kind {
    LUNA_TRANSFORM_DEFAULT, /* not said: chosen for model "auto", else none */
    LUNA_TRANSFORM_NONE,
    LUNA_TRANSFORM_LOG,
    LUNA_TRANSFORM_BOX_COX,
    LUNA_TRANSFORM_AUTO /* chosen, between none and logarithms */
};

struct luna_transform {
    enum luna_transform_kind kind;
    double lambda; /* of Box-Cox */
};

enum luna_include { /* bits */
                    /* which model answered, and how it was fitted: parameters, likelihood,
                     * status */
                    /* variance of each processed result */
                    LUNA_INCLUDE_MODEL = 1,
                    LUNA_INCLUDE_VARIANCE = 2,
                    LUNA_INCLUDE_INNOVATIONS = 4, /* one-step-ahead errors and their variances */
                    LUNA_INCLUDE_DIAGNOSTICS = 8, /* Ljung–Box, normality, heteroscedasticity */
                    LUNA_INCLUDE_INPUT = 16,      /* which column and rows were read */
                    /* of the fitted parameters, with intervals; and their covariance */
                    LUNA_INCLUDE_STANDARD_ERRORS = 32,
                    LUNA_INCLUDE_COVARIANCE = 64
};

enum {
    LUNA_PARAMETERS_MAX = 16,
    LUNA_INTERVALS_MAX = 8,
    LUNA_HORIZON_MAX = 10000,
    LUNA_LAGS_MAX = 1000
};

/* A real parameter, one number or an array of them; NaN: to be fitted. */
struct luna_parameter {
    const char *name;
    const double *values; /* [count] */
    size_t count;
    bool is_array;
};

/* An integer setting of a model, kept as the number that was sent so that 1.5 can be refused with
 * its reason; NaN: it was not a number. */
struct luna_model_setting {
    const char *name;
    double value;
    bool is_null; /* the default is meant */
};

struct luna_request {
    const double *values; /* [n], NaN = missing */
    /* The same array where it is the request's own, as the decoders leave it: luna_run() may
     * write over it when asked to. NULL: the array belongs to another owner. */
    double *values_own;
    size_t n;
    /* the array as it was sent, from '[' to ']', when it may be echoed byte for byte; else NULL */
    const char *input;
    size_t input_len;
    const char *id;     /* of a series in a batch, as JSON: the answer repeats it; NULL: none */
    const char *origin; /* where the series stands in the body, as a JSON object; NULL: all of it */
    const char *model_name; /* "local_level" unless given */
    bool model_is_name;     /* it was sent alone, not as the member of an object */
    struct luna_parameter parameters[LUNA_PARAMETERS_MAX]; /* given: fixed; left out: fitted */
    size_t parameter_count;
    struct luna_model_setting settings[LUNA_PARAMETERS_MAX]; /* period, harmonics, p, d, q … */
    size_t setting_count;
    enum luna_output output;
    bool robust;
    int64_t horizon; /* forecasts past the end; 0: none */
    /* different probabilities in (0,1), in the order asked for */
    double intervals[LUNA_INTERVALS_MAX];
    size_t interval_count;
    unsigned include;
    bool has_options; /* something beside the data was sent: the answer says how it was fitted */
    struct luna_transform transform;
    bool transform_given; /* here or in the model; twice is a fault */
    bool bias_adjust;     /* means on the scale of the data, not medians, after a transform */
    int ljung_box_lags;   /* of the diagnostics; 0: the default of the model */
};

struct luna_request_limits {
    size_t points_max;
    int nesting_max;
};

/* Everything at its default, no data. */
void luna_request_init(struct luna_request *request);

#endif
