#include "fit/report.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const struct {
    const char *name, *text;
} fit_texts[KALMAN_FIT_STATUS_COUNT] = {
#define FIT_TEXT(enumerator, wire, sentence) [enumerator] = {wire, sentence},
    KALMAN_FIT_STATUS_MAP(FIT_TEXT)
#undef FIT_TEXT
};

const char *kalman_fit_status_name(enum kalman_fit_status status)
{
    return (unsigned)status < KALMAN_FIT_STATUS_COUNT ? fit_texts[status].name : "unknown";
}

const char *kalman_fit_status_text(enum kalman_fit_status status)
{
    return (unsigned)status < KALMAN_FIT_STATUS_COUNT ? fit_texts[status].text : "unknown status";
}

void fit_report_init(const struct kalman_spec *spec, struct kalman_fit *ret_fit)
{
    memset(ret_fit, 0, sizeof *ret_fit);
    ret_fit->spec = *spec;
    ret_fit->signal_to_noise = NAN;
    ret_fit->bad_index = SIZE_MAX;
}

void fit_information_criteria(struct kalman_fit *fit)
{
    double k = (double)(fit->parameter_count + fit->diffuse_count),
           n = (double)fit->observation_count;
    /* k counts the diffuse elements as estimated; AICc is AIC with the correction for small n. */
    fit->aic = -2.0 * fit->loglikelihood + 2.0 * k;
    fit->bic = -2.0 * fit->loglikelihood + k * log(n);
    fit->aicc =
        n - k - 1.0 > 0.0 ? fit->aic + 2.0 * k * (k + 1.0) / (n - k - 1.0) : (double)INFINITY;
}
