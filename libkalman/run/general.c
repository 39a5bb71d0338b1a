/*
 * kalman_run for any model: the filter forward, outputs as it goes. Smoothing goes back over blocks
 * of about sqrt(n) time points: the first pass keeps the state at the head of each block, and a
 * block is filtered once more (to the same bits) when the backward pass gets there. Memory
 * O(sqrt(n) m^2) for twice the filter's time, instead of O(n m^2).
 */
#include "run/general.h"

#include "filter/state.h"
#include "model/system.h"
#include "numeric/expect.h"
#include "run/back.h"
#include "run/pass.h"
#include "run/stream_state.h"
#include "smooth/general.h"
#include "smooth/signal.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Below this size a whole series is kept as one block; blocks of lean records, which are worth
 * more points, below the second. */
enum { BLOCK_BYTES = 4 << 20, BLOCK_POINTS_MIN = 32, LEAN_BYTES = 64 << 20 };
/* From this size on the state's own smoother takes tens of milliseconds for the start alone, and
 * minutes for a year. */
enum { LEAN_STATES = 40 };

/*
 * Does the signal alone have a better backward pass? That of a season which only passes its states
 * along, whose start is well determined value by value: rotating states' is not (many harmonics
 * from one short stretch), nor that of any input or any matrix; those keep to the square-root form.
 * Without measurement noise at any size: the state is known exactly there, and to go back from it
 * through an invertible moving average is to divide by its roots at every step.
 */
static bool signal_suits(const struct kalman_model *model)
{
    switch (model->spec.kind) {
    case KALMAN_SEASONAL:
    case KALMAN_BASIC_STRUCTURAL:
        return model->states >= LEAN_STATES && model->input_count == 0 &&
               model->layout.setting[SETTING_HARMONICS] == 0;
    case KALMAN_EXPONENTIAL_SMOOTHING:
    case KALMAN_ARIMA:
        return true;
    default:
        return false;
    }
}

/* Is the signal all that is wanted of a smoother, and does it have a smoother of its own? */
static bool is_lean(const struct kalman_model *model, const struct kalman_options *options,
                    const struct kalman_output *output)
{
    /* The reference engine keeps to one smoother, that of the state: it is what the others are held
     * to. */
    struct kalman_output rest = *output;
    rest.smoothed_mean = rest.smoothed_variance = NULL;
    return signal_suits(model) && !run_wants_smoothing(&rest) &&
           !(options && options->engine == KALMAN_ENGINE_REFERENCE);
}

static size_t record_doubles(const struct kalman_model *model, bool lean)
{
    /* Lean: K and along, each of m. Entire: a, P, A, and K and z of each element. */
    size_t p = model->observed, m = model->states, d = model->diffuse;
    size_t start = model->collinear ? 2 * (m + 1) * (d + 1) : 0; /* E, row */
    return lean ? 2 * m : m + m * m + m * d + 2 * p * m + start;
}

static size_t record_bytes(const struct kalman_model *model, bool lean)
{
    return sizeof(struct filter_record) + model->observed * sizeof(struct filter_element) +
           record_doubles(model, lean) * sizeof(double);
}

static size_t checkpoint_bytes(const struct kalman_model *model)
{
    return sizeof(struct filter_state) + filter_kept_bytes(model);
}

static size_t block_points(const struct kalman_model *model, size_t count, bool lean)
{
    EXPECT(record_bytes(model, lean) > 0);
    size_t record = record_bytes(model, lean), limit = lean ? LEAN_BYTES : BLOCK_BYTES;
    if (count <= limit / record)
        return count > 0 ? count : 1;
    /* b records and n/b checkpoints are kept: b = sqrt(n checkpoint/record) makes the sum least.
     * With entire records the two are of one size, and b = sqrt(n). */
    double share = lean ? (double)checkpoint_bytes(model) / (double)record : 1.0;
    size_t root = (size_t)sqrt((double)count * share);
    return root < BLOCK_POINTS_MIN ? BLOCK_POINTS_MIN : root;
}

static size_t smoother_doubles(const struct kalman_model *model, bool lean)
{
    size_t m = model->states, p = model->observed;
    return lean ? smooth_signal_doubles(m) : smooth_doubles(model) + 2 * m + 4 * p * p + 4 * p;
}

size_t run_general_bytes(const struct kalman_model *model, size_t count,
                         const struct kalman_options *options, const struct kalman_output *output)
{
    EXPECT(model->states > 0 && model->observed > 0);
    /* The last term: take_bytes() rounds up, and the filter's indices are of four bytes. */
    size_t bytes = filter_bytes(model) + model->observed * sizeof(struct filter_element);
    if (!run_wants_smoothing(output))
        return bytes + (size_t)2 * KALMAN_ALIGN;
    bool lean = is_lean(model, options, output);
    size_t block = block_points(model, count, lean), blocks = count / block + 1;
    return bytes + block * record_bytes(model, lean) + blocks * checkpoint_bytes(model) +
           smoother_doubles(model, lean) * sizeof(double) + (size_t)2 * KALMAN_ALIGN;
}

static void *take_bytes(char **next, size_t bytes)
{
    assert(*next && (uintptr_t)*next % 8 == 0);
    void *taken = *next;
    *next += (bytes + 7) / 8 * 8;
    return taken;
}

/* Records of a block over one stretch of memory. */
static void carve_records(const struct general_run *run, char **next)
{
    const struct kalman_model *model = run->filter.model;
    size_t p = model->observed, m = model->states, d = model->diffuse;
    assert(!run->lean || p == 1);
    for (size_t i = 0; i < run->block; i++) {
        struct filter_record *r = &run->records[i];
        *r = (struct filter_record){.elements = take_bytes(next, p * sizeof *r->elements),
                                    .K = take_bytes(next, p * m * sizeof(double))};
        if (run->lean) {
            r->along = take_bytes(next, m * sizeof(double));
            continue;
        }
        r->a = take_bytes(next, m * sizeof(double));
        r->P = take_bytes(next, m * m * sizeof(double));
        r->A = take_bytes(next, m * d * sizeof(double));
        r->z = take_bytes(next, p * m * sizeof(double));
        if (model->collinear) {
            r->E = take_bytes(next, m * (d + 1) * sizeof *r->E);
            r->row = take_bytes(next, (d + 1) * sizeof *r->row);
        }
    }
}

static void carve_smoothing(struct general_run *run, size_t count, char **next)
{
    EXPECT(run->block > 0 && count > 0);
    const struct kalman_model *model = run->filter.model;
    size_t m = model->states, blocks = count / run->block + 1;
    run->records = take_bytes(next, run->block * sizeof *run->records);
    carve_records(run, next);
    run->smooth_arrays = take_bytes(next, smoother_doubles(model, run->lean) * sizeof(double));
    if (!run->lean) {
        run->unit = run->smooth_arrays + smooth_doubles(model);
        run->noise = run->unit + 2 * m;
    }
    run->checkpoints = NULL;
    if (count <= run->block)
        return;
    run->checkpoints = take_bytes(next, blocks * sizeof *run->checkpoints);
    for (size_t i = 0; i < blocks; i++)
        filter_checkpoint_init(&run->checkpoints[i], &run->filter,
                               take_bytes(next, filter_kept_bytes(model)));
}

enum kalman_status run_general(const struct run_request *request, void *workspace,
                               struct kalman_summary *ret_summary)
{
    EXPECT(workspace && (uintptr_t)workspace % sizeof(double) == 0);
    const struct kalman_model *model = request->model;
    const struct kalman_series *series = request->series;
    const bool smoothing = run_wants_smoothing(request->output) && series->count > 0;
    const bool lean = smoothing && is_lean(model, request->options, request->output);
    struct general_run run = {.request = request,
                              .lean = lean,
                              .block = block_points(model, series->count, lean),
                              .cancel = cancel_check_of(request->options)};
    char *next = workspace;
    if (cancel_poll(&run.cancel, CANCEL_NOW))
        return KALMAN_ECANCELLED;
    filter_init(&run.filter, model, request->options, take_bytes(&next, filter_bytes(model)));
    run.elements = take_bytes(&next, model->observed * sizeof *run.elements);
    if (smoothing)
        carve_smoothing(&run, series->count, &next);
    assert((size_t)(next - (char *)workspace) <=
           run_general_bytes(model, series->count, request->options, request->output));
    enum kalman_status status =
        run_stretch(&run, 0, series->count, 1, smoothing && !run.checkpoints);
    /* Summary, stream and forecast before the backward pass, which filters blocks again in
     * run.filter. */
    filter_summary(&run.filter, ret_summary);
    if (status != KALMAN_OK) {
        ret_summary->bad_index = status == KALMAN_ECANCELLED ? SIZE_MAX : run.at;
        return status;
    }
    if (request->output->stream)
        stream_take_filter(request->output->stream, &run.filter, run_last_time(series));
    /* Moves the filter past the data. The smoothers do not mind: their moments are in the records
     * and the checkpoints. */
    if (request->output->forecast)
        status = filter_forecast(&run.filter, run_last_time(series), request->output->forecast,
                                 &run.cancel);
    if (status == KALMAN_OK && smoothing)
        status = lean ? run_signal_back(&run) : run_smooth_back(&run);
    return status;
}
