/*
 * How much a fit has to compute, before it runs: what one evaluation of the likelihood takes, by
 * the way that serves it, times the evaluations that fits of the kind have taken.
 */
#include <kalman/fit.h>

#include "choice/candidates.h"
#include "fit/innovations.h"
#include "fit/problem.h"
#include "model/layout.h"
#include "model/series_check.h"
#include "model/system.h"
#include "numeric/gaps.h"
#include "score/differenced.h"

#include <math.h>

/* Evaluations that fits have taken: with the score; without it, in all and for each parameter that
 * is searched for. And passes of the filter around a search by a shorter way. */
static const double with_score = 60, without = 60, for_each = 60, passes = 3;

/* Of one evaluation by a shorter way than the filter; 0 without one. In innovations form each row
 * is multiplied by what the design has of it, up to four places, and by the data, and Cholesky's
 * factor is taken of all; by differences a step takes from r (the columns have settled) to 5 r. A
 * gap goes along from where it is. */
static double shorter(const struct spec_layout *layout, const struct kalman_series *series,
                      size_t missing)
{
    size_t width = innovations_width(layout), reach = differenced_reach(layout),
           most = gaps_served(width > 0 ? width : reach);
    double n = (double)series->count, gaps = (double)missing, w = (double)width, size = w + gaps;
    if (!series_is_plain(series) || missing > most)
        return 0;
    return width > 0 ? w * n * (5 + gaps) + size * size * size / 6
                     : n * (double)reach * (2.5 + gaps);
}

static double of_kind(const struct kalman_spec *spec, const struct spec_layout *layout,
                      const struct kalman_series *series, size_t missing)
{
    struct model_shape shape;
    double n = (double)series->count, searched = (double)layout_free_count(layout, spec);
    if (model_builder_for(spec->kind)->shape(layout, spec, &shape) != KALMAN_OK || searched == 0)
        return 0;
    double states = (double)(shape.states + spec->input_count), pass = n * states * states;
    double brief = shorter(layout, series, missing), evaluations = without + for_each * searched;
    if (brief > 0)
        return passes * pass + evaluations * brief;
    return (fit_has_score(spec->kind, series->times != NULL) ? with_score : evaluations) * pass;
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
    size_t missing = series_missing(series);
    double work = 0;
    const struct entry *entry = NULL;
    if (spec->kind != KALMAN_AUTO)
        work = of_kind(spec, &layout, series, missing);
    for (size_t i = 0; spec->kind == KALMAN_AUTO && (entry = candidate_at(i)) != NULL; i++) {
        struct kalman_spec candidate;
        struct spec_layout places;
        if (candidate_spec(entry, spec, layout.setting[SETTING_PERIOD], series->times != NULL,
                           &candidate, &places))
            work += of_kind(&candidate, &places, series, missing);
    }
    *ret_work = work;
    return KALMAN_OK;
}
