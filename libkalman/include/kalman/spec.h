/*
 * What a model is, said in plain data: its kind, integer settings, real parameters.
 *
 * A kalman_spec is a POD value that its owner fills and copies freely; it owns nothing. Parameters
 * that are NaN are "to be fitted" (kalman_fit); kalman_model_init needs them all. The catalogue
 * below enumerates every kind with its settings and parameters by name, so that a program can map
 * any textual description without knowing the models.
 *
 *     struct kalman_spec spec;
 *     kalman_spec_init(&spec, KALMAN_LOCAL_LEVEL);        settings at their defaults, every
 *                                                         parameter NaN
 *     status = kalman_spec_set(&spec, "observation_variance", 15099.0);
 *     status = kalman_spec_set_int(&spec, "period", 12);  settings before parameters: they fix
 *                                                         the lengths
 *
 * Notation (Durbin & Koopman, "Time Series Analysis by State Space Methods", 2nd ed., "DK"; eq.
 * 4.12):
 *     y_t = Z_t a_t + e_t,  e_t ~ N(0, H_t);     a_{t+1} = T_t a_t + c_t + R_t n_t,  n_t ~ N(0,
 *       Q_t)
 * All variances are in squared units of the observations (per unit of time where times are given).
 */
#ifndef KALMAN_SPEC_H
#define KALMAN_SPEC_H

#include <kalman/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum kalman_limits {
    KALMAN_SETTINGS_MAX = 8,    /* integer settings of a kind */
    KALMAN_PARAMETERS_MAX = 96, /* real parameters of a spec, arrays counted element by element */
    KALMAN_STATES_MAX = 768,    /* length of the state vector */
    KALMAN_OBSERVED_MAX = 64,   /* observations per time point (custom models) */
    KALMAN_INPUTS_MAX = 64,     /* known inputs (regressors) */
    KALMAN_ALIGN = 64 /* alignment that every caller-supplied memory block must have, in bytes */
};

enum kalman_kind {
    KALMAN_LOCAL_LEVEL = 0,    /* y = level + noise; level a random walk (DK 2.3) */
    KALMAN_LOCAL_LINEAR_TREND, /* level with a random-walk slope (DK 3.2) */
    KALMAN_SMOOTH_TREND, /* integrated random walk: local linear trend with level_variance = 0 */
    KALMAN_DAMPED_TREND, /* slope_{t+1} = damping * slope_t + n */
    KALMAN_SEASONAL,     /* level + seasonal with s-1 states, dummy or trigonometric (DK 3.2.2) */
    KALMAN_BASIC_STRUCTURAL, /* local linear trend + seasonal + noise (Harvey's BSM) */
    KALMAN_CYCLE,            /* level + stochastic cycle (DK 3.2.4; Harvey 1989, 2.3.38) */
    KALMAN_ARIMA,            /* seasonal ARIMA(p,d,q)(P,D,Q)s, differencing in the state (DK 3.4) */
    /* additive ETS in innovations form: level, trend, damped, seasonal (Hyndman 2008) */
    KALMAN_EXPONENTIAL_SMOOTHING,
    KALMAN_CONSTANT_VELOCITY, /* white-noise acceleration over any times (Bar-Shalom 2001, 6.2.2) */
    KALMAN_CONSTANT_ACCELERATION, /* white-noise jerk over any times (Bar-Shalom 2001, 6.2.3) */
    KALMAN_RANDOM_WALK_DRIFT,     /* y_{t+1} = y_t + drift + n, the drift constant and unknown */
    KALMAN_CUSTOM,                /* matrices from the caller, see struct kalman_system */
    KALMAN_AUTO, /* only for kalman_fit: the best by AICc among sensible candidates */
    KALMAN_KIND_COUNT
};

enum kalman_domain {
    /* [0, inf) in squared units of the observations: scales with the data */
    KALMAN_DOMAIN_VARIANCE,
    KALMAN_DOMAIN_INTERVAL, /* [lower, upper], dimensionless */
    KALMAN_DOMAIN_POSITIVE, /* (0, inf): a time, such as a cycle's period in units of the times */
    KALMAN_DOMAIN_REAL,     /* any finite number, dimensionless */
    /* an array whose polynomial 1 - x1 B - x2 B^2 ... has its roots outside the unit circle */
    KALMAN_DOMAIN_STATIONARY,
    /* an array whose polynomial 1 + x1 B + x2 B^2 ... has no root inside the unit circle */
    KALMAN_DOMAIN_INVERTIBLE
};

/* One integer setting of a kind. */
struct kalman_setting_info {
    const char *name;        /* "period", "harmonics", "p" ...; NULL ends a list */
    const char *description; /* one English sentence */
    int minimum, maximum;    /* inclusive range */
    int initial;             /* value that kalman_spec_init() puts */
    bool required;           /* the initial value is not in the range and the caller must set one */
};

/* One real parameter, or an array of them, of a kind. */
struct kalman_parameter_info {
    const char *name;        /* "level_variance", "ar" ...; NULL ends a list */
    const char *description; /* one English sentence with its unit */
    enum kalman_domain domain;
    double lower, upper; /* closed bounds; of each element for arrays (+-inf where open) */
    /* NULL: one number. Else the setting that says how many, such as "p" for "ar" */
    const char *length;
    /* NULL: always there. Else the setting that must be non-zero for it to exist */
    const char *enabled_by;
};

struct kalman_kind_info {
    enum kalman_kind kind;
    const char *name;                           /* "local_level" ... */
    const char *title;                          /* "Local level (random walk plus noise)" */
    const char *description;                    /* one or two English sentences */
    const struct kalman_setting_info *settings; /* ends with name == NULL */
    /* ends with name == NULL; in the order of spec.parameters */
    const struct kalman_parameter_info *parameters;
    bool accepts_times;  /* irregular times are allowed */
    bool accepts_inputs; /* known inputs are allowed */
};

/* A matrix of a custom model, row-major. stride 0: the same at every t; else the distance in
 * doubles from t to t+1 (at least rows*columns), and data holds one matrix per time point,
 * forecasts included. */
struct kalman_matrix {
    const double *data;
    size_t stride;
};

/*
 * A custom linear Gaussian model by its matrices, p observations, m states, r disturbances. All
 * memory is borrowed and must outlive every model made of it. NULL data means: Z, T required; H, Q
 * zero; R identity (then r == m); c, d zero; a1 zero; P1 zero; diffuse: zero. Symmetric matrices
 * must be exactly symmetric and positive semidefinite.
 */
struct kalman_system {
    size_t observed, states, disturbances; /* p, m, r */
    struct kalman_matrix Z;                /* p x m */
    struct kalman_matrix H;                /* p x p, need not be diagonal */
    struct kalman_matrix T;                /* m x m */
    struct kalman_matrix R;                /* m x r */
    struct kalman_matrix Q;                /* r x r */
    struct kalman_matrix c;                /* m: state intercept */
    struct kalman_matrix d;                /* p: observation intercept */
    const double *a1;                      /* m: mean of the first state */
    const double *P1;                      /* m x m: its variance (finite part) */
    const double *diffuse; /* m: 1 where the first state is entirely unknown, else 0 */
};

struct kalman_spec {
    enum kalman_kind kind;
    int settings[KALMAN_SETTINGS_MAX]; /* in catalogue order */
    /* in catalogue order, arrays in place; NaN = to be fitted */
    double parameters[KALMAN_PARAMETERS_MAX];
    size_t input_count; /* known inputs; their coefficients are diffuse states at the end */
    /* each KALMAN_DOMAIN_VARIANCE parameter is value * 2^variance_exponent; 0 except for data
     * whose variance no double can hold (1e300, 1e-320) */
    int variance_exponent;
    const struct kalman_system *system; /* KALMAN_CUSTOM only */
};

/* The catalogue, by index from 0 until NULL. Static storage. */
KALMAN_API const struct kalman_kind_info *kalman_kind_at(size_t index);

/* The kind with this name (exact, lower case), or NULL. Common aliases: "trend", "level", "bsm",
 * "ets", "sarima". */
KALMAN_API const struct kalman_kind_info *kalman_kind_by_name(const char *name);

/* The description of a kind; NULL if the value is no kind. */
KALMAN_API const struct kalman_kind_info *kalman_kind_describe(enum kalman_kind kind);

/* Put defaults: settings initial, every parameter NaN, no inputs. */
KALMAN_API void kalman_spec_init(struct kalman_spec *spec, enum kalman_kind kind);

/* Set an integer setting by name. KALMAN_EINVAL: no such setting; KALMAN_ESETTING: outside its
 * range. */
KALMAN_API enum kalman_status kalman_spec_set_int(struct kalman_spec *spec, const char *name,
                                                  int value) KALMAN_MUSTCHECK;

/* Set a one-number parameter by name. KALMAN_EINVAL: no such parameter under these settings, or an
 * array; KALMAN_EPARAMETER: outside its domain or not finite. */
KALMAN_API enum kalman_status kalman_spec_set(struct kalman_spec *spec, const char *name,
                                              double value) KALMAN_MUSTCHECK;

/* Set an array parameter by name; elements may be NaN (to be fitted). KALMAN_EINVAL: unknown name
 * or wrong count; KALMAN_EPARAMETER: an element outside its domain, or the whole not
 * stationary/invertible. */
KALMAN_API enum kalman_status kalman_spec_set_array(struct kalman_spec *spec, const char *name,
                                                    const double *values,
                                                    size_t count) KALMAN_MUSTCHECK;

/* Where a parameter lives: spec->parameters[*ret_offset .. *ret_offset + *ret_count). ret_count is
 * 0 when the settings disable it. KALMAN_EINVAL: no such parameter. */
KALMAN_API enum kalman_status kalman_spec_locate(const struct kalman_spec *spec, const char *name,
                                                 size_t *ret_offset,
                                                 size_t *ret_count) KALMAN_MUSTCHECK;

/* Read a one-number parameter; NaN when unknown, disabled or not yet fitted. variance_exponent
 * is applied. */
KALMAN_API double kalman_spec_get(const struct kalman_spec *spec, const char *name);

/* Read a setting; -1 when there is no such setting. */
KALMAN_API int kalman_spec_get_int(const struct kalman_spec *spec, const char *name);

/* How many parameters the spec has under its settings, and how many of them are NaN. */
KALMAN_API size_t kalman_spec_parameter_count(const struct kalman_spec *spec);
KALMAN_API size_t kalman_spec_free_count(const struct kalman_spec *spec);

/* Does the model of shifted data differ only in its start? Not where an ARIMA model has neither a
 * mean nor differences: its level is zero. */
KALMAN_API bool kalman_spec_follows_shift(const struct kalman_spec *spec);

/* Check settings, domains, and (complete) that no parameter is NaN. On KALMAN_EPARAMETER,
 * KALMAN_ESETTING and KALMAN_EMISSINGPARAMETER *ret_name (may be NULL) is the catalogue's name of
 * the offender. */
KALMAN_API enum kalman_status kalman_spec_check(const struct kalman_spec *spec, bool complete,
                                                const char **ret_name) KALMAN_MUSTCHECK;

#ifdef __cplusplus
}
#endif

#endif
