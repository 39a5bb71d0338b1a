/* The inside of a stream. Private to libkalman. */
#ifndef KALMAN_STREAM_STATE_H
#define KALMAN_STREAM_STATE_H

#include "filter/level.h"
#include "filter/state.h"

#include <kalman/stream.h>
#include <stdbool.h>

struct kalman_stream {
    const struct kalman_model *model;
    struct kalman_options options; /* without the hook */
    double last_time;              /* NaN before the first observation */
    bool scalar;                   /* level is in use, else filter */
    struct level_state level;
    /* its arrays follow this struct in the caller's memory, then those of backup */
    struct filter_state filter;
    struct filter_state backup;      /* kept arrays before a push, put back if it fails */
    struct filter_element *elements; /* p */
};

/* Take over the state after a whole series. */
void stream_take_level(struct kalman_stream *stream, const struct level_state *state,
                       double last_time);
void stream_take_filter(struct kalman_stream *stream, const struct filter_state *state,
                        double last_time);

#endif
