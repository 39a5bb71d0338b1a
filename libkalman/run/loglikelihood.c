/* The log-likelihood without outputs. */
#include <kalman/run.h>

#include "filter/level.h"
#include "filter/level_likelihood.h"
#include "model/series_check.h"
#include "model/system.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double log_two_pi = 1.837877066409345483560659472811,
                    ln2 = 0.693147180559945309417232121458;

int kalman_loglikelihood_bytes(const struct kalman_model *model, size_t count, size_t *ret_bytes)
{
    static const struct kalman_output none = {.filtered_mean = NULL};
    return kalman_run_bytes(model, count, NULL, &none, ret_bytes);
}

/* Local level without times or noise-free special cases: two sums over differences of the data. */
static void level_summary_fast(const struct kalman_model *model, const struct kalman_series *series,
                               struct kalman_summary *summary)
{
    struct units units = units_of(model->sd_exponent);
    struct level_data data = {
        .values = series->values, .count = series->count, .scale = units.mean_in};
    struct level_sums sums;
    level_likelihood(&data, model->H[0], model->Q[0], &sums);
    double n = (double)sums.innovations, scaled = sqrt(sums.squares) * units.mean_to_sd;
    double kernel = -0.5 * (sums.logs + n * 2.0 * model->sd_exponent * ln2 + scaled * scaled);
    summary->loglikelihood_marginal = kernel - 0.5 * n * log_two_pi;
    summary->loglikelihood = summary->loglikelihood_marginal - 0.5 * log_two_pi;
    summary->observation_count = sums.innovations + 1;
    summary->diffuse_count = 1;
    summary->steady_at = sums.steady_at;
    summary->bad_index = SIZE_MAX;
}

int kalman_loglikelihood(const struct kalman_model *model, const struct kalman_series *series,
                         void *workspace, size_t workspace_bytes,
                         struct kalman_summary *ret_summary)
{
    static const struct kalman_output none = {.filtered_mean = NULL};
    if (!model || !series || !ret_summary)
        return KALMAN_EINVAL;
    if (level_applies(model, NULL) && !series->times && series->values && model->H[0] > 0.0) {
        struct kalman_summary summary;
        level_summary_fast(model, series, &summary);
        /* An infinite value, nothing observed, or an overflow on the way: all seen here, and
         * left to the full run to tell. */
        if (isfinite(summary.loglikelihood) && summary.observation_count > 1) {
            *ret_summary = summary;
            return KALMAN_OK;
        }
    }
    int status = kalman_run(model, series, NULL, &none, workspace, workspace_bytes, ret_summary);
    return status == KALMAN_OK && ret_summary->diffuse_count < model->diffuse ? KALMAN_EDIFFUSE
                                                                              : status;
}
