/* What kalman_run() is made of. Private to libkalman. */
#ifndef KALMAN_RUN_PARTS_H
#define KALMAN_RUN_PARTS_H

#include <kalman/run.h>
#include <stddef.h>

/* Steps between two looks at the caller's hook. */
enum { RUN_HOOK_STEPS = 4096 };

/* Everything of one call, bundled: all borrowed. options is never NULL here. */
struct run_request {
    const struct kalman_model *model;
    const struct kalman_series *series;
    const struct kalman_options *options;
    const struct kalman_output *output;
};

int run_wants_smoothing(const struct kalman_output *output);

/* The scalar local level. The workspace holds run_level_bytes() bytes. */
size_t run_level_bytes(size_t count, const struct kalman_output *output);
int run_level(const struct run_request *request, void *workspace,
              struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

/* Any model. */
size_t run_general_bytes(const struct kalman_model *model, size_t count,
                         const struct kalman_options *options, const struct kalman_output *output);
int run_general(const struct run_request *request, void *workspace,
                struct kalman_summary *ret_summary) KALMAN_MUSTCHECK;

/* The time after the last observation's that a forecast or stream counts from: NaN when there
 * was none. */
double run_last_time(const struct kalman_series *series);

#endif
