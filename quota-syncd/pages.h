/*
 * pages.h: what quota-syncd shows at its own address: /livez, /readyz, /metrics, /status.
 */
#ifndef SYNCD_PAGES_H
#define SYNCD_PAGES_H

#include "luna/base/error.h"
#include "luna/http/listener.h"
#include "metrics.h"
#include "schedule.h"

#include <stdbool.h>

/* The state behind the pages; the daemon keeps it up to date and the pages only read it. */
struct syncd_state {
    struct syncd_metrics metrics;
    enum round_outcome last;
    bool ever_done; /* a round went through since the start */
    bool stopping;
    int64_t last_done_ms;      /* when, on the clock of luna_clock_mono_ns() in milliseconds */
    struct luna_error trouble; /* of the last round; meaningful while syncd_in_trouble() */
};

/* One word: "starting", "leading", "standby", "retrying", "refused", "stopping". */
const char *syncd_state_word(const struct syncd_state *state);
/* The last round did not go through; state->trouble says why. */
bool syncd_in_trouble(const struct syncd_state *state);
/* A luna_http_handler; `context` is a struct syncd_state. */
void pages_answer(void *context, const char *path, struct luna_http_reply *reply);

#endif
