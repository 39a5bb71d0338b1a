/*
 * KALMAN_AUTO: fits sensible candidates and takes the one with the lowest AICc.
 *
 * Diffuse likelihoods of models with different diffuse parts are not comparable: they are densities
 * of different numbers of values, and which wins would depend on the unit of the data. So every
 * candidate is judged on the same values given the same ones before: log p(y_{b+1} .. y_n | y_1 ..
 * y_b), b the largest number of values that any candidate's start consumes. That is a density of
 * the same data for all, diffuse elements integrated out, so only fitted parameters are counted.
 * A model that fits the data without error beats all others.
 *
 * Where the caller has room for logarithms, the scale is chosen too. A density of logarithms
 * becomes one of the data by its Jacobian; so scales are comparable like models are.
 */
#include "choice/auto.h"

#include "choice/candidates.h"
#include "choice/scale.h"
#include "fit/problem.h"
#include "fit/single.h"
#include "numeric/expect.h"

#include <math.h>

static const double log_two = 0.69314718055994530942;

/* Standard errors of an autocorrelation beyond which a season is fitted. */
static const double season_threshold = 1;

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

enum kalman_status fit_auto_bytes(const struct kalman_spec *spec, const struct spec_layout *layout,
                                  size_t count, size_t *ret_bytes)
{
    const struct entry *entry = NULL;
    size_t most = scale_bytes(count);
    for (size_t i = 0; (entry = candidate_at(i)) != NULL; i++) {
        struct kalman_spec candidate;
        struct spec_layout places;
        size_t own = 0, comparison = 0;
        /* kinds that need times are no larger than the other trends */
        if (!candidate_spec(entry, spec, layout->setting[SETTING_PERIOD], false, &candidate,
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
    bool seasonal;             /* the season is more than the others have */
    const char *reason;        /* for choosing it */
    struct spec_layout layout; /* of fit.spec */
    struct kalman_fit fit;
    size_t consumed; /* observed values up to the end of its diffuse phase */
    double loglikelihood, aicc;
};

/* One comparison: the data, and their logarithms where these are compared too. */
struct contest {
    const struct fit_request *request;
    const struct kalman_series *logarithms; /* of the data, or NULL */
    struct trial *trials;                   /* room for KALMAN_CANDIDATES_MAX */
    size_t count, evaluations;
};

static const struct kalman_series *series_of(const struct contest *contest,
                                             const struct trial *trial)
{
    bool logarithmic = trial->fit.transform.kind == KALMAN_TRANSFORM_LOG;
    return logarithmic ? contest->logarithms : contest->request->series;
}

static enum kalman_status evaluate_fitted(const struct contest *contest, const struct trial *trial,
                                          struct fit_problem *problem)
{
    size_t bytes = 0;
    const struct fit_request *request = contest->request;
    const struct kalman_spec *spec = &trial->fit.spec;
    enum kalman_status status =
        fit_problem_bytes(spec, &trial->layout, request->series->count, &bytes);
    if (status == KALMAN_OK)
        status = fit_problem_prepare(problem, spec, &trial->layout, series_of(contest, trial),
                                     request->options, request->workspace, bytes);
    return status == KALMAN_OK ? fit_problem_evaluate(problem, &problem->spec) : status;
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
    return fit_is_maximum(trial->fit.status) && trial->fit.observation_count > needed;
}

/* Fits one model to the data, or to their logarithms, and keeps it if it can be judged. */
static enum kalman_status try_model(struct contest *contest, const struct kalman_spec *spec,
                                    const struct kalman_transform *transform,
                                    const struct trial *labels)
{
    EXPECT(contest->count < KALMAN_CANDIDATES_MAX);
    struct trial *trial = &contest->trials[contest->count];
    struct fit_problem problem;
    *trial = *labels;
    trial->fit.transform = *transform;
    enum kalman_status status = fit_single_series(contest->request, series_of(contest, trial), spec,
                                                  &trial->layout, &trial->fit);
    trial->fit.transform = *transform;
    contest->evaluations += trial->fit.evaluations;
    if (status == KALMAN_OK && is_usable(trial)) {
        status = evaluate_fitted(contest, trial, &problem);
        trial->consumed = status == KALMAN_OK ? score_consumed(&problem.score) : 0;
        if (status == KALMAN_OK && problem.last.determined)
            contest->count++;
    }
    /* Any other failure is of this model alone. */
    return status == KALMAN_ECANCELLED || status == KALMAN_ENOMEM ? status : KALMAN_OK;
}

/* The criterion of a trial on the values after the first `burn`. */
static enum kalman_status judge_trial(const struct contest *contest, size_t burn,
                                      struct trial *trial)
{
    if (is_perfect(trial)) { /* its density has no bound */
        trial->loglikelihood = HUGE_VAL;
        trial->aicc = -HUGE_VAL;
        return KALMAN_OK;
    }
    struct fit_problem problem;
    enum kalman_status status = evaluate_fitted(contest, trial, &problem);
    if (status != KALMAN_OK)
        return status;
    size_t counted = 0, wanted = problem.last.observed - burn;
    double n = (double)wanted, k = (double)trial->fit.parameter_count;
    trial->loglikelihood = score_after(&problem.score, burn, &counted) -
                           n * problem.data_exponent * log_two +
                           scale_jacobian(&trial->fit.transform, contest->request->series, burn);
    /* -2 log L + 2 k n/(n - k - 1) (Hurvich & Tsai 1989), n the values judged on. A density of
     * fewer values is comparable with none. */
    bool defined = n - k - 1 > 0 && counted == wanted;
    trial->aicc = defined ? -2 * trial->loglikelihood + 2 * k * n / (n - k - 1) : HUGE_VAL;
    return KALMAN_OK;
}

/* Values that the starts of the trials of one group consume, and the trial of lowest AICc. */
static size_t largest_start(const struct contest *contest, bool seasonal)
{
    size_t burn = 0;
    for (size_t i = 0; i < contest->count; i++)
        if (contest->trials[i].seasonal == seasonal)
            burn = larger(burn, contest->trials[i].consumed);
    return burn;
}

static enum kalman_status judge_group(struct contest *contest, bool seasonal, size_t burn,
                                      size_t *ret_best)
{
    *ret_best = contest->count;
    for (size_t i = 0; i < contest->count; i++) {
        if (contest->trials[i].seasonal != seasonal)
            continue;
        enum kalman_status status = judge_trial(contest, burn, &contest->trials[i]);
        if (status != KALMAN_OK)
            return status;
        if (*ret_best == contest->count ||
            contest->trials[i].aicc < contest->trials[*ret_best].aicc)
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
static enum kalman_status judge_all(struct contest *contest)
{
    size_t plain = 0, seasonal = 0, burn_plain = largest_start(contest, false);
    size_t count = contest->count, burn = larger(burn_plain, largest_start(contest, true));
    enum kalman_status status = judge_group(contest, false, burn_plain, &plain);
    if (status == KALMAN_OK)
        status = judge_group(contest, true, burn, &seasonal);
    if (status != KALMAN_OK || plain == count || seasonal == count ||
        is_perfect(&contest->trials[plain]))
        return status;
    struct trial same = contest->trials[plain];
    status = judge_trial(contest, burn, &same);
    double moved = contest->trials[plain].aicc - same.aicc;
    for (size_t i = 0; i < count && status == KALMAN_OK; i++)
        if (contest->trials[i].seasonal)
            contest->trials[i].aicc =
                isfinite(same.aicc) ? contest->trials[i].aicc + moved : HUGE_VAL;
    return status;
}

/* Best first; a tie keeps the order of the table, where simpler models come first. */
static void sort_trials(const struct contest *contest, size_t *order)
{
    for (size_t i = 0; i < contest->count; i++) {
        size_t place = i;
        for (; place > 0 && contest->trials[order[place - 1]].aicc > contest->trials[i].aicc;
             place--)
            order[place] = order[place - 1];
        order[place] = i;
    }
}

static enum kalman_status settle(struct contest *contest, struct kalman_candidate *candidates,
                                 struct kalman_fit *ret_fit)
{
    EXPECT(contest->count > 0 && contest->count <= KALMAN_CANDIDATES_MAX);
    size_t order[KALMAN_CANDIDATES_MAX] = {0};
    enum kalman_status status = judge_all(contest);
    if (status != KALMAN_OK)
        return status;
    sort_trials(contest, order);
    const struct trial *best = &contest->trials[order[0]];
    *ret_fit = best->fit;
    ret_fit->reason = is_perfect(best)
                          ? "the simplest of the models that fit the data without error"
                          : best->reason;
    ret_fit->evaluations = contest->evaluations;
    ret_fit->candidate_count = candidates ? contest->count : 0;
    for (size_t i = 0; candidates && i < contest->count; i++) {
        const struct trial *trial = &contest->trials[order[i]];
        candidates[i] = (struct kalman_candidate){.spec = trial->fit.spec,
                                                  .transform = trial->fit.transform,
                                                  .loglikelihood = trial->loglikelihood,
                                                  .aicc = trial->aicc,
                                                  .status = trial->fit.status};
    }
    return KALMAN_OK;
}

/*
 * Is a season worth fitting? One that the best model without it missed is in that model's
 * innovations, as an autocorrelation at the period. Seasons of many states take nearly all the time
 * of the choice, and half the series that come with a period have none.
 */
static enum kalman_status season_shows(struct contest *contest, size_t period, bool *ret_shows)
{
    size_t plain = 0, pairs = 0;
    double correlation = 0;
    *ret_shows = true;
    enum kalman_status status = judge_group(contest, false, largest_start(contest, false), &plain);
    if (status != KALMAN_OK || plain == contest->count)
        return status;
    const struct trial *best = &contest->trials[plain];
    if (is_perfect(best)) { /* nothing is left for a season */
        *ret_shows = false;
        return KALMAN_OK;
    }
    struct fit_problem problem;
    status = evaluate_fitted(contest, best, &problem);
    if (status != KALMAN_OK)
        return status;
    correlation = score_autocorrelation(&problem.score, period, &pairs);
    *ret_shows = pairs < 2 * period || !(correlation * sqrt((double)pairs) < season_threshold);
    return KALMAN_OK;
}

/* Every entry of the table, on one scale: those without a season, and the others if there may be
 * one. */
static enum kalman_status try_entries(struct contest *contest,
                                      const struct kalman_transform *transform)
{
    const struct fit_request *request = contest->request;
    int period = request->layout->setting[SETTING_PERIOD];
    bool shows = true, decided = false;
    enum kalman_status status = KALMAN_OK;
    const struct entry *entry = NULL;
    for (size_t i = 0; status == KALMAN_OK && (entry = candidate_at(i)) != NULL; i++) {
        struct kalman_spec spec;
        struct trial labels = {.seasonal = entry->seasonal, .reason = entry->reason};
        if (!candidate_spec(entry, request->spec, period, request->series->times != NULL, &spec,
                            &labels.layout))
            continue;
        if (entry->seasonal && !decided) {
            status = season_shows(contest, (size_t)period, &shows);
            decided = true;
        }
        if (status == KALMAN_OK && (shows || !entry->seasonal))
            status = try_model(contest, &spec, transform, &labels);
    }
    return status;
}

enum kalman_status fit_auto(const struct fit_request *request,
                            const struct kalman_series *logarithms,
                            const struct kalman_transform *transform,
                            struct kalman_candidate *candidates, struct kalman_fit *ret_fit)
{
    static const struct kalman_transform none = {.kind = KALMAN_TRANSFORM_NONE};
    struct trial trials[KALMAN_CANDIDATES_MAX];
    struct contest contest = {.request = request, .logarithms = logarithms, .trials = trials};
    bool logarithmic = false;
    enum kalman_status status = KALMAN_OK;
    if (logarithms)
        status = scale_choose(request, logarithms, transform, &logarithmic);
    if (status == KALMAN_OK)
        status = try_entries(&contest, logarithmic ? transform : &none);
    if (status != KALMAN_OK)
        return status;
    if (contest.count > 0)
        return settle(&contest, candidates, ret_fit);
    /* Too little to compare anything on: the local level, which copes with one value and with
     * constants. */
    struct kalman_spec spec;
    struct spec_layout layout;
    (void)candidate_spec(candidate_at(0), request->spec, 0, false, &spec, &layout);
    status = fit_single_series(request, request->series, &spec, &layout, ret_fit);
    if (status == KALMAN_OK)
        ret_fit->reason =
            "the local level, because the series is too short or too regular to compare models on";
    return status;
}
