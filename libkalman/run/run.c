/*
 * kalman_run: check, choose the engine, run it; kalman_loglikelihood: the same without outputs, by
 * the local level's own sums where they serve.
 */
#include <kalman/run.h>

#include "filter/level.h"
#include "filter/level_likelihood.h"
#include "model/series_check.h"
#include "model/system.h"
#include "numeric/expect.h"
#include "run/general.h"
#include "run/level.h"
#include "run/request.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double log_two_pi = 1.837877066409345483560659472811,
                    ln2 = 0.693147180559945309417232121458;

enum kalman_status kalman_run_bytes(const struct kalman_model *model, size_t count,
                                    const struct kalman_options *options,
                                    const struct kalman_output *output, size_t *ret_bytes)
{
    if (!model || !output || count > SIZE_MAX / 64)
        return KALMAN_EINVAL;
    size_t bytes = level_applies(model, options) ? run_level_bytes(count, output)
                                                 : run_general_bytes(model, count, options, output);
    *ret_bytes = (bytes + KALMAN_ALIGN - 1) / KALMAN_ALIGN * KALMAN_ALIGN;
    return KALMAN_OK;
}

enum kalman_status kalman_run(const struct kalman_model *model, const struct kalman_series *series,
                              const struct kalman_options *options,
                              const struct kalman_output *output, void *workspace,
                              size_t workspace_bytes, struct kalman_summary *ret_summary)
{
    static const struct kalman_options defaults = {.engine = KALMAN_ENGINE_FAST};
    if (!model || !series || !output || !ret_summary)
        return KALMAN_EINVAL;
    memset(ret_summary, 0, sizeof *ret_summary);
    ret_summary->steady_at = SIZE_MAX;
    ret_summary->bad_index = SIZE_MAX;
    size_t needed = 0;
    /* Options and sizes first: they cost nothing. The data are read last, and only when the call
     * can go on. */
    enum kalman_status status = options_check(options);
    if (status == KALMAN_OK)
        status = kalman_run_bytes(model, series->count, options, output, &needed);
    /* In place is fine forward, where a value is read before its mean is written; the backward
     * pass reads the values again. */
    if (status == KALMAN_OK && output->filtered_mean == series->values && series->values &&
        run_wants_smoothing(output))
        status = KALMAN_EINVAL;
    if (status != KALMAN_OK)
        return status;
    if (needed > workspace_bytes ||
        (needed > 0 && (!workspace || (uintptr_t)workspace % KALMAN_ALIGN != 0)))
        return KALMAN_EWORKSPACE;
    status = series_check(model, series, &ret_summary->bad_index);
    if (status == KALMAN_OK)
        status =
            forecast_check(model, run_last_time(series), output->forecast, &ret_summary->bad_index);
    if (status != KALMAN_OK)
        return status;
    struct run_request request = {model, series, options ? options : &defaults, output};
    return level_applies(model, options) ? run_level(&request, workspace, ret_summary)
                                         : run_general(&request, workspace, ret_summary);
}

enum kalman_status kalman_loglikelihood_bytes(const struct kalman_model *model, size_t count,
                                              size_t *ret_bytes)
{
    static const struct kalman_output none = {.filtered_mean = NULL};
    return kalman_run_bytes(model, count, NULL, &none, ret_bytes);
}

/* Local level without times or noise-free special cases: two sums over differences of the data. */
static void level_summary_fast(const struct kalman_model *model, const struct kalman_series *series,
                               struct kalman_summary *summary)
{
    assert(model->states == 1 && model->observed == 1);
    assert(model->H[0] > 0.0 && !series->times);
    struct units units = units_of(model->sd_exponent);
    struct level_data data = {
        .values = series->values, .count = series->count, .scale = units.mean_in};
    struct level_sums sums;
    level_likelihood(&data, model->H[0], model->Q[0], &sums);
    /* Squares are in deviations, variances in the model's unit; n innovations each move log F by
     * 2 sd_exponent log 2. The root is scaled, not the sum: the square of the factor need not be a
     * double. */
    double n = (double)sums.innovations, scaled = sqrt(sums.squares) * units.mean_to_sd;
    double kernel = -0.5 * (sums.logs + n * 2.0 * model->sd_exponent * ln2 + scaled * scaled);
    summary->loglikelihood_marginal = kernel - 0.5 * n * log_two_pi;
    /* DK count the constant of the diffuse observation too, 7.2.2; marginally there is none. */
    summary->loglikelihood = summary->loglikelihood_marginal - 0.5 * log_two_pi;
    summary->observation_count = sums.innovations + 1;
    summary->diffuse_count = 1;
    summary->steady_at = sums.steady_at;
    summary->bad_index = SIZE_MAX;
}

enum kalman_status kalman_loglikelihood(const struct kalman_model *model,
                                        const struct kalman_series *series, void *workspace,
                                        size_t workspace_bytes, struct kalman_summary *ret_summary)
{
    static const struct kalman_output none = {.filtered_mean = NULL};
    if (!model || !series || !ret_summary)
        return KALMAN_EINVAL;
    if (level_applies(model, NULL) && !series->times && series->values && model->H[0] > 0.0) {
        struct kalman_summary summary;
        level_summary_fast(model, series, &summary);
        /* An infinite value, nothing observed, or an overflow shows here, and is left to the
         * full run to report. */
        if (isfinite(summary.loglikelihood) && summary.observation_count > 1) {
            *ret_summary = summary;
            return KALMAN_OK;
        }
    }
    enum kalman_status status =
        kalman_run(model, series, NULL, &none, workspace, workspace_bytes, ret_summary);
    return status == KALMAN_OK && ret_summary->diffuse_count < model->diffuse ? KALMAN_EDIFFUSE
                                                                              : status;
}
