/*
 * result.h: what a model made of a series. Arrays live in the request's arena; NaN and ±inf print
 * as null.
 */
#ifndef LUNA_MODELLING_RESULT_H
#define LUNA_MODELLING_RESULT_H

#include "luna/modelling/request.h"

#include <stdbool.h>
#include <stddef.h>

struct luna_forecast {
    size_t horizon;
    const double *mean;                      /* [horizon] */
    const double *variance;                  /* [horizon], of a future observation */
    const double *lower[LUNA_INTERVALS_MAX]; /* [horizon] for each interval asked for */
    const double *upper[LUNA_INTERVALS_MAX];
};

struct luna_diagnostics {
    double ljung_box, ljung_box_p;
    int ljung_box_lags;
    double skewness, kurtosis, jarque_bera, jarque_bera_p;
    double heteroscedasticity, heteroscedasticity_p;
};

/* One model that a choice compared: of model `auto`, or of transform `auto`. */
struct luna_candidate {
    const char *model_name;
    struct luna_model_setting settings[LUNA_PARAMETERS_MAX];
    size_t setting_count;
    enum luna_transform_kind transform; /* none or logarithms */
    double aicc;                        /* the lowest was chosen; -inf: it fits without error */
    const char *fit_status;
};

/* How well a parameter that was estimated is known, in its own unit; NaN where it is not known. */
struct luna_estimate {
    const char *name;
    const double *standard_error, *lower, *upper; /* [count] */
    size_t count;
    bool is_array;
};

struct luna_uncertainty {
    double level; /* of the intervals */
    struct luna_estimate estimates[LUNA_PARAMETERS_MAX];
    size_t count;
    /* NULL unless asked for: [order × order], rows and columns by name ("ar[0]") */
    const double *covariance;
    const char *const *names; /* [order] */
    size_t order;
};

enum { LUNA_WARNINGS_MAX = 4 };

struct luna_result {
    size_t n;
    const double *processed; /* [n] the signal, as asked for; NaN where undefined */
    const double *variance;  /* [n], NULL unless asked for */
    /* [n] for each interval asked for: where the signal is */
    const double *lower[LUNA_INTERVALS_MAX];
    const double *upper[LUNA_INTERVALS_MAX];
    /* [n], NULL unless asked for; on the scale of the model */
    const double *innovations;
    const double *innovation_variance; /* [n] */
    struct luna_forecast forecast;     /* horizon 0: none */
    /* The model that answered; with `auto` the winner. Complete only when LUNA_INCLUDE_MODEL was
     * asked for. */
    const char *model_name;
    /* all of the model's, fitted ones included */
    struct luna_parameter parameters[LUNA_PARAMETERS_MAX];
    size_t parameter_count;
    struct luna_model_setting settings[LUNA_PARAMETERS_MAX];
    size_t setting_count;
    struct luna_transform transform; /* none, or what the model is of: logarithms, Box-Cox */
    /* variances are values × 2^this: not 0 where no double holds them */
    int variance_exponent;
    const struct luna_uncertainty *uncertainty; /* NULL unless asked for and known */
    bool is_robust;                             /* `robust` has reached the fit, and left out: */
    size_t left_out;                            /* values */
    const char *fit_status;                     /* "fixed", "interior", "boundary_low", … */
    bool not_converged;                         /* the fit ended before it had found the maximum */
    const char *fit_reason;                     /* of a choice: why this one; else NULL */
    const struct luna_candidate *candidates;    /* of a choice, best first */
    size_t candidate_count;
    /* what to know before the numbers are used: sentences, static or the arena's */
    const char *warnings[LUNA_WARNINGS_MAX];
    size_t warning_count;
    double loglikelihood;   /* diffuse, all n terms, on the scale of the model */
    double aicc;            /* NaN where it is not defined */
    double signal_to_noise; /* NaN where the model has none */
    const struct luna_diagnostics *diagnostics; /* NULL unless asked for */
};

#endif
