/*
 * pages.h: the health pages of quota-syncd: /livez, /readyz, /metrics, /status.
 */
#ifndef SYNCD_PAGES_H
#define SYNCD_PAGES_H

#include "luna/base/error.h"
#include "luna/http/listener.h"
#include "metrics.h"
#include "schedule.h"

#include <stdatomic.h>
#include <stdbool.h>

/* The state behind the pages; the daemon keeps it up to date and the pages only read it. */
struct syncd_state {
    struct syncd_metrics metrics;
    enum round_outcome last;
    bool ever_done; /* a round completed since the start */
    bool stopping;
    int64_t last_done_ms;      /* CLOCK_MONOTONIC */
    struct luna_error trouble; /* of the last round; valid while syncd_in_trouble() */
    atomic_ullong log_lines_dropped;
};

/* One word: "starting", "leading", "standby", "retrying", "refused", "stopping". */
const char *syncd_state_word(const struct syncd_state *state);
/* The last round failed; state->trouble holds the cause. */
bool syncd_in_trouble(const struct syncd_state *state);
/* A luna_http_handler; `context` is a struct syncd_state. */
void pages_answer(void *context, const char *path, struct luna_http_reply *reply);

#endif
