#include "choice/candidates.h"

#include "numeric/expect.h"

#include <assert.h>
#include <kalman/fit.h>

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
    {KALMAN_ARIMA, true, 1, 1, 1, 0, 1, 1, 0,
     "ARIMA(1,1,1)(0,1,1) has the lowest AICc: a drifting season, and changes that are "
     "autocorrelated"},
    {KALMAN_ARIMA, true, 2, 0, 0, 0, 1, 1, 1,
     "ARIMA(2,0,0)(0,1,1) with a mean has the lowest AICc: a stable season, and deviations that "
     "swing back"},
};
#define entry_count (sizeof entries / sizeof entries[0])
static_assert(entry_count <= KALMAN_CANDIDATES_MAX,
              "room for every candidate in the caller's array");

const struct entry *candidate_at(size_t index)
{
    return index < entry_count ? &entries[index] : NULL;
}

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

bool candidate_spec(const struct entry *entry, const struct kalman_spec *request, int period,
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
