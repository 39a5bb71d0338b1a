/*
 * How much a fit has to compute, before it runs: what one evaluation of the likelihood takes, by
 * the way that serves it, times the evaluations that fits of the kind have taken.
 */
#include <kalman/fit.h>

#include "choice/candidates.h"
#include "fit/innovations.h"
#include "model/series_check.h"
#include "model/spec.h"
#include "model/system.h"
#include "score/differenced.h"

#include <math.h>

/* Evaluations of fits with and without the score, those for each parameter that is searched for,
 * and passes of the filter around a search that needs none. */
static const double with_score = 60, without = 60, for_each = 60, passes = 4;

/* Of one evaluation by a shorter way than the filter; 0 without one. */
static double shorter(const struct spec_layout *layout, double n)
{
    double width = (double)innovations_width(layout), reach = (double)differenced_reach(layout);
    return width > 0 ? width * (5 * n + width * width / 6) : 2.5 * n * reach;
}

static double of_kind(const struct kalman_spec *spec, const struct spec_layout *layout,
                      const struct kalman_series *series, bool complete)
{
    struct model_shape shape;
    double n = (double)series->count, searched = (double)layout_free_count(layout, spec);
    if (model_builder_for(spec->kind)->shape(layout, spec, &shape) != KALMAN_OK || searched == 0)
        return 0;
    double states = (double)(shape.states + spec->input_count), pass = n * states * states;
    double brief = complete ? shorter(layout, n) : 0;
    bool scored = layout_count(layout, PARAMETER_LEVEL_VARIANCE) +
                      layout_count(layout, PARAMETER_SLOPE_VARIANCE) >
                  0;
    double evaluations = scored ? with_score : without + for_each * searched;
    return brief > 0 ? passes * pass + (without + for_each * searched) * brief : evaluations * pass;
}

enum kalman_status kalman_fit_work(const struct kalman_spec *spec,
                                   const struct kalman_series *series, double *ret_work)
{
    struct spec_layout layout;
    if (!spec || !series || !ret_work || (series->count > 0 && !series->values))
        return KALMAN_EINVAL;
    enum kalman_status status = spec_resolve(spec, false, &layout, NULL);
    if (status != KALMAN_OK)
        return status;
    if (spec->kind == KALMAN_CUSTOM)
        return KALMAN_EUNSUPPORTED;
    bool complete = series_is_complete(series);
    double work = 0;
    const struct entry *entry = NULL;
    if (spec->kind != KALMAN_AUTO)
        work = of_kind(spec, &layout, series, complete);
    for (size_t i = 0; spec->kind == KALMAN_AUTO && (entry = candidate_at(i)) != NULL; i++) {
        struct kalman_spec candidate;
        struct spec_layout places;
        if (candidate_spec(entry, spec, layout.setting[SETTING_PERIOD], series->times != NULL,
                           &candidate, &places))
            work += of_kind(&candidate, &places, series, complete);
    }
    *ret_work = work;
    return KALMAN_OK;
}
