/*
 * libFuzzer target: bytes become a model description, options and data; whatever they are, every
 * call must end with a status and these must hold: a stream has the bits of the run; a saved state
 * loads and goes on with the same bits; damaged bytes are refused or harmless; filtered variances
 * are never negative.
 */
#include <kalman/batch.h>
#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/stream.h>

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 48, MATRIX_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *at;
    size_t left;
};

static uint8_t take_byte(struct bytes *b)
{
    if (b->left == 0)
        return 0;
    b->left--;
    return *b->at++;
}

/* Mostly ordinary numbers, now and then any bit pattern. */
static double take_double(struct bytes *b)
{
    uint8_t kind = take_byte(b);
    if (kind % 16 == 0) {
        uint64_t bits = 0;
        for (int i = 0; i < 8; i++)
            bits = bits << 8 | take_byte(b);
        double value = 0.0;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (kind % 16 == 1)
        return (double)NAN;
    if (kind % 16 == 2)
        return ldexp(1.0 + take_byte(b), (int)(int8_t)take_byte(b) * 8);
    int divisor = 1 + kind / 32;
    return ((double)take_byte(b) - 100.0) / divisor;
}

static void require_at(int holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_kalman.c:%d: does not hold\n", line);
    abort();
}
#define require(holds) require_at((holds), __LINE__)

static void *memory_for(size_t bytes)
{
    void *memory =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN) / KALMAN_ALIGN * KALMAN_ALIGN);
    require(memory != NULL);
    return memory;
}

static double matrices[8][MATRIX_MAX];

static void take_system(struct bytes *b, struct kalman_system *system)
{
    *system = (struct kalman_system){
        .observed = take_byte(b) % 4, .states = take_byte(b) % 6, .disturbances = take_byte(b) % 6};
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 36; j++)
            matrices[i][j] = take_double(b);
    struct kalman_matrix *const all[] = {&system->Z, &system->H, &system->T, &system->R,
                                         &system->Q};
    uint8_t present = take_byte(b), identity = take_byte(b);
    for (size_t i = 0; i < 5; i++)
        all[i]->data = present >> i & 1 ? matrices[i] : NULL;
    for (size_t i = 0; i < 36 && identity & 1; i++) /* else hardly any variance would be one */
        matrices[1][i] = i % (system->observed + 1) == 0 ? fabs(matrices[1][i]) : 0.0;
    for (size_t i = 0; i < 36 && identity & 2; i++)
        matrices[4][i] = i % (system->disturbances + 1) == 0 ? fabs(matrices[4][i]) : 0.0;
    system->a1 = present & 32 ? matrices[5] : NULL;
    for (size_t i = 0; i < 36 && identity & 4; i++)
        matrices[6][i] = i % (system->states + 1) == 0 ? fabs(matrices[6][i]) : 0.0;
    system->P1 = present & 64 ? matrices[6] : NULL;
    system->diffuse = present & 128 ? matrices[7] : NULL;
}

static void take_spec(struct bytes *b, struct kalman_spec *spec, struct kalman_system *system)
{
    kalman_spec_init(spec, (enum kalman_kind)(take_byte(b) % (KALMAN_KIND_COUNT + 1)));
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    for (int i = 0; info && info->settings[i].name; i++)
        spec->settings[i] = (int8_t)take_byte(b) % 9;
    for (size_t i = 0; i < 16; i++)
        spec->parameters[i] = take_double(b);
    for (size_t i = 0; i < 16 && take_byte(b) & 1; i++)
        spec->parameters[i] = fabs(spec->parameters[i]);
    spec->input_count = take_byte(b) % 8 == 0 ? take_byte(b) % 3 : 0;
    spec->variance_exponent = take_byte(b) % 8 == 0 ? (int)(int8_t)take_byte(b) * 16 : 0;
    if (spec->kind == KALMAN_CUSTOM) {
        take_system(b, system);
        spec->system = system;
    }
}

struct problem {
    struct kalman_spec spec;
    struct kalman_system system;
    struct kalman_options options;
    struct kalman_series series;
    double values[POINTS_MAX * 4], times[POINTS_MAX], inputs[POINTS_MAX * 4];
};

static void take_problem(struct bytes *b, struct problem *p)
{
    take_spec(b, &p->spec, &p->system);
    uint8_t choice = take_byte(b);
    p->options.engine = choice & 1 ? KALMAN_ENGINE_REFERENCE : KALMAN_ENGINE_FAST;
    p->options.robust_threshold = choice & 2 ? 0.1 + fabs(take_double(b)) : 0.0;
    p->series.count = take_byte(b) % POINTS_MAX;
    p->series.values = p->values;
    double time = take_double(b);
    for (size_t t = 0; t < POINTS_MAX; t++) {
        p->times[t] = time;
        time += choice & 4 ? fabs(take_double(b)) : 1.0;
    }
    for (size_t i = 0; i < POINTS_MAX * 4; i++)
        p->values[i] = take_double(b);
    for (size_t i = 0; i < POINTS_MAX * 4 && p->spec.input_count > 0; i++)
        p->inputs[i] = take_double(b);
    p->series.times = choice & 8 ? p->times : NULL;
    p->series.inputs = p->spec.input_count > 0 ? p->inputs : NULL;
}

static int same_bits(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* Push everything; at the middle save, try damaged bytes, load, go on. */
static void stream_like_run(const struct kalman_model *model, const struct problem *p,
                            struct bytes *b, const double *filtered)
{
    size_t bytes = 0, saved_bytes = 0, observed = kalman_model_observed(model);
    struct kalman_stream *stream = NULL;
    require(kalman_stream_bytes(model, &bytes) == KALMAN_OK);
    void *memory = memory_for(bytes), *other = memory_for(bytes);
    require(kalman_stream_init(memory, bytes, model, &p->options, &stream) == KALMAN_OK);
    for (size_t t = 0; t < p->series.count; t++) {
        double mean[4] = {0};
        struct kalman_step step = {.filtered_mean = mean};
        if (t == p->series.count / 2) {
            require(kalman_stream_save_bytes(stream, &saved_bytes) == KALMAN_OK);
            uint8_t *saved = memory_for(saved_bytes);
            require(kalman_stream_save(stream, saved, saved_bytes, &saved_bytes) == KALMAN_OK);
            size_t where = (size_t)take_byte(b) << 8 | take_byte(b);
            uint8_t change = take_byte(b);
            saved[where % saved_bytes] ^= change;
            int status =
                kalman_stream_load(other, bytes, model, &p->options, saved, saved_bytes, &stream);
            require(change == 0 ? status == KALMAN_OK : status != KALMAN_OK);
            saved[where % saved_bytes] ^= change;
            require(kalman_stream_load(other, bytes, model, &p->options, saved, saved_bytes,
                                       &stream) == KALMAN_OK);
            free(saved);
        }
        double time = p->series.times ? p->series.times[t] : (double)NAN;
        const double *inputs = p->series.inputs ? p->series.inputs + t * p->spec.input_count : NULL;
        require(kalman_stream_push(stream, p->series.values + t * observed, time, inputs, &step) ==
                KALMAN_OK);
        for (size_t i = 0; i < observed; i++)
            require(same_bits(mean[i], filtered[t * observed + i]));
    }
    free(memory);
    free(other);
}

/* Bytes as a saved state, straight. */
static void load_anything(const struct kalman_model *model, const struct problem *p,
                          const struct bytes *b)
{
    size_t bytes = 0;
    struct kalman_stream *stream = NULL;
    require(kalman_stream_bytes(model, &bytes) == KALMAN_OK);
    void *memory = memory_for(bytes);
    if (kalman_stream_load(memory, bytes, model, &p->options, b->at, b->left, &stream) ==
        KALMAN_OK) {
        double value[4] = {1.0, 2.0, 3.0, 4.0};
        (void)!kalman_stream_push(stream, value, (double)NAN, p->series.inputs, NULL);
    }
    free(memory);
}

static void run_everything(const struct kalman_model *model, const struct problem *p,
                           struct bytes *b)
{
    size_t n = p->series.count, o = kalman_model_observed(model), m = kalman_model_states(model),
           bytes = 0;
    size_t r = kalman_model_disturbances(model);
    double *all = memory_for((n + 1) * (8 * o + 2 * m + 2 * m * m + 3 * r + 8) * sizeof(double)),
           *next = all;
    const double level = 0.9;
    double future[3], lower[3 * 4], upper[3 * 4];
    struct kalman_forecast forecast = {.horizon = p->series.times || p->series.inputs ? 0 : 3,
                                       .levels = &level,
                                       .level_count = 1,
                                       .lower = lower,
                                       .upper = upper};
    struct kalman_output out = {.forecast = &forecast};
    struct kalman_summary summary;
    (void)future;
    double **const wide[] = {
        &out.filtered_mean,           &out.filtered_variance,    &out.smoothed_mean,
        &out.smoothed_variance,       &out.standardized,         &out.anomaly_scores,
        &out.observation_disturbance, &out.observation_auxiliary};
    for (size_t i = 0; i < 8; i++, next += n * o)
        *wide[i] = next;
    out.smoothed_state = next;
    out.filtered_state = next + n * m;
    out.smoothed_state_variance = next + 2 * n * m;
    out.filtered_state_variance = out.smoothed_state_variance + n * m * m;
    out.state_disturbance = out.filtered_state_variance + n * m * m;
    out.state_disturbance_variance = out.state_disturbance + n * r;
    out.state_auxiliary = out.state_disturbance_variance + n * r;
    require(kalman_run_bytes(model, n, &p->options, &out, &bytes) == KALMAN_OK);
    void *workspace = memory_for(bytes);
    int status = kalman_run(model, &p->series, &p->options, &out, workspace, bytes, &summary);
    for (size_t i = 0; status == KALMAN_OK && i < n * o; i++)
        require(!(out.filtered_variance[i] < 0.0) && !(out.smoothed_variance[i] < 0.0));
    if (status == KALMAN_OK && o <= 4)
        stream_like_run(model, p, b, out.filtered_mean);
    free(workspace);
    free(all);
}

static void fit_everything(const struct problem *p)
{
    struct kalman_fit fit;
    struct kalman_fit_options options = {.evaluations_max = 60, .starts = 1};
    size_t bytes = 0;
    if (p->spec.kind == KALMAN_CUSTOM ||
        kalman_fit_bytes(&p->spec, p->series.count, &bytes) != KALMAN_OK)
        return;
    void *workspace = memory_for(bytes);
    if (kalman_fit(&p->spec, &p->series, &options, workspace, bytes, NULL, &fit) == KALMAN_OK &&
        fit.spec.kind != KALMAN_AUTO) {
        struct kalman_model *model = NULL;
        if (kalman_model_new(&fit.spec, &model) == KALMAN_OK)
            kalman_model_free(model);
    }
    free(workspace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes b = {data, size};
    static struct problem p;
    memset(&p, 0, sizeof p);
    int fitting = take_byte(&b) % 8 == 0;
    take_problem(&b, &p);
    struct kalman_model *model = NULL;
    const char *name = NULL;
    (void)!kalman_spec_check(&p.spec, 0, &name);
    if (kalman_model_new(&p.spec, &model) == KALMAN_OK) {
        run_everything(model, &p, &b);
        load_anything(model, &p, &b);
        kalman_model_free(model);
    }
    if (fitting)
        fit_everything(&p);
    return 0;
}
