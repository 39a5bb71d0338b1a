/* The models that KALMAN_AUTO compares. Private to libkalman. */
#ifndef KALMAN_CHOICE_CANDIDATES_H
#define KALMAN_CHOICE_CANDIDATES_H

#include "model/layout.h"

#include <kalman/spec.h>
#include <stdbool.h>
#include <stddef.h>

struct entry {
    enum kalman_kind kind;
    bool seasonal;              /* has the season that the caller named */
    int p, d, q, P, D, Q, mean; /* ARIMA only */
    const char *reason;         /* for choosing it */
};

/* Entry `index`: the models without a season first, the simpler ones first among equals. NULL after
 * the last one, of which there are at most KALMAN_CANDIDATES_MAX. */
const struct entry *candidate_at(size_t index);

/* The entry's spec and its layout; false when it does not suit the season, times or inputs. */
bool candidate_spec(const struct entry *entry, const struct kalman_spec *request, int period,
                    bool timed, struct kalman_spec *ret_spec, struct spec_layout *ret_layout);

#endif
