/*
 * Status codes of libkalman: the one list of what can go wrong, with its message.
 *
 * Every fallible function returns enum kalman_status: KALMAN_OK (0) or a negative code.
 * Out-parameters (ret_*) and output arrays are meaningful only after KALMAN_OK, unless the function
 * says otherwise. Nothing here allocates, locks or reads the locale; any thread may call it.
 */
#ifndef KALMAN_STATUS_H
#define KALMAN_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define KALMAN_API __attribute__((visibility("default")))
#define KALMAN_MUSTCHECK __attribute__((warn_unused_result))
#else
#define KALMAN_API
#define KALMAN_MUSTCHECK
#endif

/* X(name, value, message): the message is what kalman_strerror() returns. */
#define KALMAN_STATUS_MAP(X)                                                                       \
    X(KALMAN_OK, 0, "success")                                                                     \
    X(KALMAN_EINVAL, -1, "an argument is outside what the function accepts")                       \
    X(KALMAN_EDOMAIN, -2,                                                                          \
      "an observation, time or input is infinite or not a number where a number is required")      \
    X(KALMAN_EPARAMETER, -3, "a parameter of the model is outside its domain")                     \
    X(KALMAN_ESETTING, -4, "a setting of the model is outside its range")                          \
    X(KALMAN_EMISSINGPARAMETER, -5,                                                                \
      "a parameter of the model has no value: give it or fit the model")                           \
    X(KALMAN_EMODEL, -6,                                                                           \
      "the data are impossible under this model: it has no noise, but the data vary")              \
    X(KALMAN_ETIMES, -7, "times must be finite, strictly increasing, and supported by the model")  \
    X(KALMAN_EINPUTS, -8,                                                                          \
      "the model has known inputs but none were given, or inputs were given to a model without "   \
      "them")                                                                                      \
    X(KALMAN_EWORKSPACE, -9, "the workspace is too small or not aligned to 64 bytes")              \
    X(KALMAN_EDIFFUSE, -10, "the observations never determine the diffuse initial state")          \
    X(KALMAN_ERANGE, -11,                                                                          \
      "a value is too large beside the model's variances for double precision")                    \
    X(KALMAN_ENOMEM, -12, "out of memory")                                                         \
    X(KALMAN_ECANCELLED, -13, "cancelled by the caller's hook")                                    \
    X(KALMAN_EFORMAT, -14, "the saved state is damaged or was not written by this library")        \
    X(KALMAN_EVERSION, -15, "the saved state has a version that this library does not read")       \
    X(KALMAN_EMISMATCH, -16, "the saved state belongs to a different model")                       \
    X(KALMAN_ETOOSHORT, -17, "the series is too short for this operation")                         \
    X(KALMAN_EUNSUPPORTED, -18, "this model does not support the operation")

enum kalman_status {
#define KALMAN_STATUS_ENUM(name, value, message) name = (value),
    KALMAN_STATUS_MAP(KALMAN_STATUS_ENUM)
#undef KALMAN_STATUS_ENUM
};

/* One English sentence for a status; never NULL, static storage. Unknown codes get "unknown
 * status". */
KALMAN_API const char *kalman_strerror(int status);

/* The code's own name, such as "KALMAN_EDOMAIN"; never NULL, static storage. */
KALMAN_API const char *kalman_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
