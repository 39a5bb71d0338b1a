/*
 * KALMAN_AUTO: fits sensible candidates and takes the one with the lowest AICc.
 *
 * Diffuse likelihoods of models with different diffuse parts are not comparable: they are densities
 * of different numbers of values, and which wins would depend on the unit of the data. So every
 * candidate is judged on the same values given the same ones before: log p(y_{b+1} .. y_n | y_1 ..
 * y_b), b the largest number of values that any candidate's start consumes. That is a density of
 * the same data for all, diffuse elements integrated out, so only fitted parameters are counted.
 * A model that fits the data without error beats all others.
 */
#include "fit/auto.h"

#include "fit/problem.h"
#include "fit/report.h"
#include "fit/single.h"
#include "numeric/expect.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const double log_two = 0.69314718055994530942;

struct entry {
    enum kalman_kind kind;
    bool seasonal;
    int p, d, q, P, D, Q, mean; /* ARIMA only */
    const char *reason;
};

static const struct entry entries[] = {
    {KALMAN_LOCAL_LEVEL, false, 0, 0, 0, 0, 0, 0, 0,
     "the local level has the lowest AICc: a slope, a season or autocorrelation would not improve "
     "the fit enough"},
    {KALMAN_RANDOM_WALK_DRIFT, false, 0, 0, 0, 0, 0, 0, 0,
     "the random walk with drift has the lowest AICc: the data have no measurement noise and a "
     "steady drift"},
    {KALMAN_SMOOTH_TREND, false, 0, 0, 0, 0, 0, 0, 0,
     "the smooth trend has the lowest AICc: the data follow a curve whose slope changes slowly"},
    {KALMAN_LOCAL_LINEAR_TREND, false, 0, 0, 0, 0, 0, 0, 0,
     "the local linear trend has the lowest AICc: level and slope both change"},
    {KALMAN_DAMPED_TREND, false, 0, 0, 0, 0, 0, 0, 0,
     "the damped trend has the lowest AICc: slopes appear and decay"},
    {KALMAN_CONSTANT_VELOCITY, false, 0, 0, 0, 0, 0, 0, 0,
     "constant velocity has the lowest AICc: the data move smoothly in continuous time"},
    {KALMAN_ARIMA, false, 1, 0, 0, 0, 0, 0, 1,
     "the first-order autoregression has the lowest AICc: the data return to a fixed mean"},
    {KALMAN_ARIMA, false, 2, 0, 0, 0, 0, 0, 1,
     "the second-order autoregression has the lowest AICc: the data oscillate about a fixed mean"},
    {KALMAN_ARIMA, false, 1, 1, 1, 0, 0, 0, 0,
     "ARIMA(1,1,1) has the lowest AICc: the changes of the data are autocorrelated"},
    {KALMAN_SEASONAL, true, 0, 0, 0, 0, 0, 0, 0,
     "level and season have the lowest AICc: there is a season, and a slope would "
     "not improve the fit enough"},
    {KALMAN_BASIC_STRUCTURAL, true, 0, 0, 0, 0, 0, 0, 0,
     "the basic structural model has the lowest AICc: level, slope and season all matter"},
    {KALMAN_ARIMA, true, 0, 1, 1, 0, 1, 1, 0,
     "the airline model ARIMA(0,1,1)(0,1,1) has the lowest AICc: a drifting level and a drifting "
     "season"},
    {KALMAN_ARIMA, true, 1, 0, 0, 0, 1, 1, 1,
     "ARIMA(1,0,0)(0,1,1) with a mean has the lowest AICc: a stable season, and "
     "deviations that decay"},
};
#define entry_count (sizeof entries / sizeof entries[0])
static_assert(entry_count <= KALMAN_CANDIDATES_MAX,
              "room for every candidate in the caller's array");

static void set_arima(struct kalman_spec *spec, const struct entry *entry, int period)
{
    EXPECT(spec->kind == KALMAN_ARIMA);
    /* In the catalogue's order: p, d, q, P, D, Q, period, mean. */
    const int values[] = {
        entry->p,   entry->d, entry->q, entry->P, entry->D, entry->Q, entry->seasonal ? period : 0,
        entry->mean};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        spec->settings[i] = values[i];
}

/* The candidate's spec and its layout; false when it does not suit the season, times or inputs. */
static bool candidate_spec(const struct entry *entry, const struct kalman_spec *request, int period,
                           bool timed, struct kalman_spec *ret_spec, struct spec_layout *ret_layout)
{
    const struct kalman_kind_info *info = kalman_kind_describe(entry->kind);
    /* in whole steps the smooth trend says the same */
    bool continuous = entry->kind == KALMAN_CONSTANT_VELOCITY;
    if ((continuous && !timed) || (entry->seasonal && period < 2) ||
        (timed && !info->accepts_times) || (request->input_count > 0 && !info->accepts_inputs))
        return false;
    kalman_spec_init(ret_spec, entry->kind);
    ret_spec->input_count = request->input_count;
    if (entry->kind == KALMAN_ARIMA)
        set_arima(ret_spec, entry, period);
    else if (entry->seasonal)
        ret_spec->settings[0] = period;
    return layout_resolve(ret_spec, ret_layout) == KALMAN_OK;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

enum kalman_status fit_auto_bytes(const struct kalman_spec *spec, const struct spec_layout *layout,
                                  size_t count, size_t *ret_bytes)
{
    size_t most = 0;
    for (size_t i = 0; i < entry_count; i++) {
        struct kalman_spec candidate;
        struct spec_layout places;
        size_t own = 0, comparison = 0;
        /* kinds that need times are no larger than the other trends */
        if (!candidate_spec(&entries[i], spec, layout->setting[SETTING_PERIOD], false, &candidate,
                            &places))
            continue;
        enum kalman_status status = fit_single_bytes(&candidate, &places, count, &own);
        if (status == KALMAN_OK)
            status = fit_problem_bytes(&candidate, &places, count, &comparison);
        if (status == KALMAN_ESETTING)
            continue; /* too many states for this season: no candidate */
        if (status != KALMAN_OK)
            return status;
        most = larger(most, larger(own, comparison));
    }
    *ret_bytes = most;
    return KALMAN_OK;
}

/* What is kept of a candidate beside its spec. */
struct trial {
    const struct entry *entry;
    struct spec_layout layout; /* of fit.spec */
    struct kalman_fit fit;
    size_t consumed; /* observed values up to the end of its diffuse phase */
    double loglikelihood, aicc;
};

static enum kalman_status evaluate_fitted(const struct fit_request *request,
                                          const struct trial *trial, struct fit_problem *problem)
{
    size_t bytes = 0;
    const struct kalman_spec *spec = &trial->fit.spec;
    enum kalman_status status =
        fit_problem_bytes(spec, &trial->layout, request->series->count, &bytes);
    if (status == KALMAN_OK)
        status = fit_problem_prepare(problem, spec, &trial->layout, request->series,
                                     request->options, request->workspace, bytes);
    return status == KALMAN_OK ? fit_problem_evaluate(problem, &problem->spec) : status;
}

static enum kalman_status fit_candidate(const struct fit_request *request,
                                        const struct kalman_spec *spec,
                                        const struct spec_layout *layout,
                                        struct kalman_fit *ret_fit)
{
    struct fit_request single = *request;
    single.spec = spec;
    single.layout = layout;
    fit_report_init(spec, ret_fit);
    return fit_single(&single, ret_fit);
}

/* Was there a maximum of the likelihood to find, or is it without bound? */
static bool is_fitted(enum kalman_fit_status status)
{
    return status == KALMAN_FIT_INTERIOR || status == KALMAN_FIT_BOUNDARY_LOW ||
           status == KALMAN_FIT_BOUNDARY_HIGH;
}

static bool is_perfect(const struct trial *trial)
{
    return trial->fit.status == KALMAN_FIT_DEGENERATE_CONSTANT;
}

/* Is there enough to judge the fit by? Two values that a perfect fit did not need are two that it
 * predicted. */
static bool is_usable(const struct trial *trial)
{
    size_t needed = trial->fit.diffuse_count;
    if (is_perfect(trial))
        return trial->fit.observation_count >= needed + 2;
    needed += 2 * trial->fit.parameter_count + 2;
    return is_fitted(trial->fit.status) && trial->fit.observation_count > needed;
}

/* Tries one entry; false when it cannot be a candidate for these data. */
static bool try_entry(const struct fit_request *request, const struct entry *entry,
                      struct trial *trial, enum kalman_status *status)
{
    struct kalman_spec spec;
    struct fit_problem problem;
    *status = KALMAN_OK;
    if (!candidate_spec(entry, request->spec, request->layout->setting[SETTING_PERIOD],
                        request->series->times != NULL, &spec, &trial->layout))
        return false;
    *status = fit_candidate(request, &spec, &trial->layout, &trial->fit);
    if (*status != KALMAN_OK || !is_usable(trial))
        return false;
    *status = evaluate_fitted(request, trial, &problem);
    if (*status != KALMAN_OK || !problem.last.determined)
        return false;
    trial->entry = entry;
    trial->consumed = score_consumed(&problem.score);
    return true;
}

/* The criterion of a trial on the values after the first `burn`. */
static enum kalman_status judge_trial(const struct fit_request *request, size_t burn,
                                      struct trial *trial)
{
    if (is_perfect(trial)) { /* its density has no bound */
        trial->loglikelihood = HUGE_VAL;
        trial->aicc = -HUGE_VAL;
        return KALMAN_OK;
    }
    struct fit_problem problem;
    enum kalman_status status = evaluate_fitted(request, trial, &problem);
    if (status != KALMAN_OK)
        return status;
    size_t counted = 0, wanted = problem.last.observed - burn;
    double n = (double)wanted, k = (double)trial->fit.parameter_count;
    trial->loglikelihood =
        score_after(&problem.score, burn, &counted) - n * problem.data_exponent * log_two;
    /* -2 log L + 2 k n/(n - k - 1) (Hurvich & Tsai 1989), n the values judged on. A density of
     * fewer values is comparable with none. */
    bool defined = n - k - 1 > 0 && counted == wanted;
    trial->aicc = defined ? -2 * trial->loglikelihood + 2 * k * n / (n - k - 1) : HUGE_VAL;
    return KALMAN_OK;
}

/* Values that the starts of the trials of one group consume, and the trial of lowest AICc. */
static size_t largest_start(const struct trial *trials, size_t count, bool seasonal)
{
    size_t burn = 0;
    for (size_t i = 0; i < count; i++)
        if (trials[i].entry->seasonal == seasonal)
            burn = larger(burn, trials[i].consumed);
    return burn;
}

static enum kalman_status judge_group(const struct fit_request *request, struct trial *trials,
                                      size_t count, bool seasonal, size_t burn, size_t *ret_best)
{
    *ret_best = count;
    for (size_t i = 0; i < count; i++) {
        if (trials[i].entry->seasonal != seasonal)
            continue;
        enum kalman_status status = judge_trial(request, burn, &trials[i]);
        if (status != KALMAN_OK)
            return status;
        if (*ret_best == count || trials[i].aicc < trials[*ret_best].aicc)
            *ret_best = i;
    }
    return KALMAN_OK;
}

/*
 * Models without a season are judged on all that their own starts leave, for a season's start is a
 * whole period, which may be most of a short series. Models with one are judged on what that
 * leaves, beside the best of the others on the same values: their AICc is that one's on its own
 * values, plus the difference on these.
 */
static enum kalman_status judge_all(const struct fit_request *request, struct trial *trials,
                                    size_t count)
{
    size_t plain = 0, seasonal = 0, burn_plain = largest_start(trials, count, false);
    size_t burn = larger(burn_plain, largest_start(trials, count, true));
    enum kalman_status status = judge_group(request, trials, count, false, burn_plain, &plain);
    if (status == KALMAN_OK)
        status = judge_group(request, trials, count, true, burn, &seasonal);
    if (status != KALMAN_OK || plain == count || seasonal == count || is_perfect(&trials[plain]))
        return status;
    struct trial same = trials[plain];
    status = judge_trial(request, burn, &same);
    double moved = trials[plain].aicc - same.aicc;
    for (size_t i = 0; i < count && status == KALMAN_OK; i++)
        if (trials[i].entry->seasonal)
            trials[i].aicc = isfinite(same.aicc) ? trials[i].aicc + moved : HUGE_VAL;
    return status;
}

/* Best first; a tie keeps the order of the table, where simpler models come first. */
static void sort_trials(const struct trial *trials, size_t count, size_t *order)
{
    EXPECT(count <= entry_count);
    for (size_t i = 0; i < count; i++) {
        size_t place = i;
        for (; place > 0 && trials[order[place - 1]].aicc > trials[i].aicc; place--)
            order[place] = order[place - 1];
        order[place] = i;
    }
}

static enum kalman_status settle(const struct fit_request *request, struct trial *trials,
                                 size_t count, size_t evaluations,
                                 struct kalman_candidate *candidates, struct kalman_fit *ret_fit)
{
    EXPECT(count > 0 && count <= entry_count);
    size_t order[entry_count] = {0};
    enum kalman_status status = judge_all(request, trials, count);
    if (status != KALMAN_OK)
        return status;
    sort_trials(trials, count, order);
    const struct trial *best = &trials[order[0]];
    *ret_fit = best->fit;
    ret_fit->reason = is_perfect(best)
                          ? "the simplest of the models that fit the data without error"
                          : best->entry->reason;
    ret_fit->evaluations = evaluations;
    ret_fit->candidate_count = candidates ? count : 0;
    for (size_t i = 0; candidates && i < count; i++)
        candidates[i] = (struct kalman_candidate){.spec = trials[order[i]].fit.spec,
                                                  .loglikelihood = trials[order[i]].loglikelihood,
                                                  .aicc = trials[order[i]].aicc,
                                                  .status = trials[order[i]].fit.status};
    return KALMAN_OK;
}

enum kalman_status fit_auto(const struct fit_request *request, struct kalman_candidate *candidates,
                            struct kalman_fit *ret_fit)
{
    struct trial trials[entry_count];
    size_t count = 0, evaluations = 0;
    for (size_t i = 0; i < entry_count; i++) {
        enum kalman_status status = KALMAN_OK;
        bool usable = try_entry(request, &entries[i], &trials[count], &status);
        if (status == KALMAN_ECANCELLED || status == KALMAN_ENOMEM)
            return status;
        if (usable)
            evaluations += trials[count++].fit.evaluations;
    }
    if (count > 0)
        return settle(request, trials, count, evaluations, candidates, ret_fit);
    /* Too little to compare anything on: the local level, which copes with one value and with
     * constants. */
    struct kalman_spec spec;
    struct spec_layout layout;
    (void)candidate_spec(&entries[0], request->spec, 0, false, &spec, &layout);
    enum kalman_status status = fit_candidate(request, &spec, &layout, ret_fit);
    if (status == KALMAN_OK)
        ret_fit->reason =
            "the local level, because the series is too short or too regular to compare models on";
    return status;
}
