/*
 * run.h: struct luna_request → libkalman → struct luna_result.
 *
 * Maps names (model, settings, parameters) to libkalman's catalogue, so that a model which
 * libkalman learns is served without a change here; a wrong name or value is a fault that names the
 * choices. Workspace and results are the arena's; libkalman's optimiser alone allocates for itself
 * while it runs.
 */
#ifndef LUNA_MODELLING_RUN_H
#define LUNA_MODELLING_RUN_H

#include "luna/base/arena.h"
#include "luna/base/clock.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/model.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

#include <stdbool.h>

enum luna_run_status {
    LUNA_RUN_OK,
    LUNA_RUN_FAULTS,    /* the data or parameters do not fit the model: 422 */
    LUNA_RUN_CANCELLED, /* the deadline passed or `cancelled` said so */
    LUNA_RUN_LONG,      /* the fit was not started: see control.fit_max_s */
    LUNA_RUN_MEMORY     /* the arena is full, or the system has no memory */
};

struct luna_run_control {
    struct luna_deadline deadline;
    int (*cancelled)(void *ctx); /* may be NULL; polled now and then, non-zero stops the work */
    /* may be NULL; told before a fit about how long it may take: fits differ by a factor of five */
    void (*expected)(void *ctx, double seconds);
    double fit_max_s;  /* a fit that may take longer is not started; 0: any is */
    double fit_long_s; /* a fit that may take longer is warned of in the result; 0: none is */
    void *ctx;
    /* Nobody reads request->values after the run: the processed results take their array, where
     * it is the request's own. */
    bool in_place;
};

/* Checks the model's name, its parameters and settings without computing. The decoders have done
 * it already. */
enum luna_run_status luna_run_check(const struct luna_request *request, struct luna_faults *faults)
    __attribute__((warn_unused_result));
/* `control` may be NULL: run to the end, however long. */
enum luna_run_status luna_run(const struct luna_request *request,
                              const struct luna_run_control *control, struct luna_arena *arena,
                              struct luna_result *ret_result, struct luna_faults *faults)
    __attribute__((warn_unused_result));
/* An estimate as a sentence has it: "2.3 s", "120 s". NULL: out of memory. */
const char *luna_run_seconds_text(struct luna_arena *arena, double seconds);

#endif
