/*
 * Measures libkalman alone; R, statsmodels and NumPy are measured beside it by the script that
 * calls this. One line per figure, "name value", where the name ends in its unit. Each figure is
 * the best of several rounds: on a shared machine the shortest time is the one with the least of
 * other people's work in it.
 */
#include <kalman/batch.h>
#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/simulate.h>
#include <kalman/stream.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LONG = 100000, BATCH_SERIES = 1000, BATCH_SIZE = 100, ROUNDS = 9 };

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void check(int status, const char *what)
{
    if (status == KALMAN_OK)
        return;
    fprintf(stderr, "bench_kalman: %s: %s\n", what, kalman_strerror(status));
    exit(1);
}

static void *memory_for(size_t bytes)
{
    void *memory =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN) / KALMAN_ALIGN * KALMAN_ALIGN);
    if (!memory)
        exit(1);
    return memory;
}

static double *doubles(size_t count)
{
    double *array = calloc(count, sizeof *array);
    if (!array)
        exit(1);
    return array;
}

/* A series of tests/vectors, logarithms taken if asked for. */
static double *vector(const char *name, int logarithm, size_t *ret_count)
{
    char path[512], line[128];
    double *values = doubles(1000);
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s.csv", KALMAN_VECTORS, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        exit(1);
    }
    while (count < 1000 && fgets(line, sizeof line, file)) {
        char *end = NULL;
        double value = strtod(line, &end);
        if (end != line)
            values[count++] = logarithm ? log(value) : value;
    }
    fclose(file);
    *ret_count = count;
    return values;
}

static double *walk(size_t count, uint64_t seed)
{
    struct kalman_random random;
    double *y = doubles(count), level = 1000.0;
    kalman_random_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        level += 0.3 * kalman_random_normal(&random);
        y[i] = level + kalman_random_normal(&random);
    }
    return y;
}

static struct kalman_model *level_model(void)
{
    struct kalman_spec spec;
    struct kalman_model *model = NULL;
    kalman_spec_init(&spec, KALMAN_LOCAL_LEVEL);
    check(kalman_spec_set(&spec, "observation_variance", 1.0), "set");
    check(kalman_spec_set(&spec, "level_variance", 0.09), "set");
    check(kalman_model_new(&spec, &model), "model");
    return model;
}

/* Best time of a run with these outputs, per sample. */
static double run_ns(const struct kalman_model *model, const double *y, size_t count,
                     const struct kalman_output *output)
{
    struct kalman_series series = {.values = y, .count = count};
    struct kalman_summary summary;
    size_t bytes = 0;
    check(kalman_run_bytes(model, count, NULL, output, &bytes), "bytes");
    void *workspace = memory_for(bytes);
    double best = INFINITY;
    for (int round = 0; round < (count < 10000 ? ROUNDS : 20 * ROUNDS); round++) {
        /* a millisecond or less at a stretch: no time slice ends inside */
        size_t repeats = count < 10000 ? 2000 : 1;
        double start = now_ns();
        for (size_t i = 0; i < repeats; i++)
            check(kalman_run(model, &series, NULL, output, workspace, bytes, &summary), "run");
        best = fmin(best, (now_ns() - start) / (double)(repeats * count));
    }
    free(workspace);
    return best;
}

static double loglikelihood_ns(const struct kalman_model *model, const double *y, size_t count)
{
    struct kalman_series series = {.values = y, .count = count};
    struct kalman_summary summary;
    size_t bytes = 0;
    check(kalman_loglikelihood_bytes(model, count, &bytes), "bytes");
    void *workspace = memory_for(bytes);
    double best = INFINITY;
    for (int round = 0; round < 20 * ROUNDS; round++) {
        double start = now_ns();
        check(kalman_loglikelihood(model, &series, workspace, bytes, &summary), "loglikelihood");
        best = fmin(best, (now_ns() - start) / (double)count);
    }
    free(workspace);
    return best;
}

static double fit_us(struct kalman_spec spec, const double *y, size_t count, int repeats)
{
    struct kalman_series series = {.values = y, .count = count};
    struct kalman_fit fit;
    size_t bytes = 0;
    check(kalman_fit_bytes(&spec, count, &bytes), "bytes");
    void *workspace = memory_for(bytes);
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < repeats; i++)
            check(kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, &fit), "fit");
        best = fmin(best, (now_ns() - start) / (1e3 * repeats));
    }
    free(workspace);
    return best;
}

static double batch_ns(const struct kalman_model *model, const double *y, double *mean,
                       double *variance)
{
    const struct kalman_model *const models[] = {model};
    static size_t sizes[BATCH_SERIES];
    static enum kalman_status statuses[BATCH_SERIES];
    for (size_t i = 0; i < BATCH_SERIES; i++)
        sizes[i] = BATCH_SIZE;
    struct kalman_batch batch = {.series_count = BATCH_SERIES,
                                 .sizes = sizes,
                                 .values = y,
                                 .models = models,
                                 .model_count = 1,
                                 .filtered_mean = mean,
                                 .filtered_variance = variance,
                                 .statuses = statuses};
    size_t bytes = 0;
    check(kalman_batch_bytes(&batch, &bytes), "bytes");
    void *workspace = memory_for(bytes);
    double best = INFINITY;
    for (int round = 0; round < 20 * ROUNDS; round++) {
        double start = now_ns();
        check(kalman_batch_run(&batch, NULL, workspace, bytes), "batch");
        best = fmin(best, (now_ns() - start) / (BATCH_SERIES * BATCH_SIZE));
    }
    free(workspace);
    return best;
}

/* The same short series one call each. */
static double singles_ns(const struct kalman_model *model, const double *y, double *mean,
                         double *variance)
{
    double best = INFINITY;
    size_t bytes = 0;
    struct kalman_output probe = {.filtered_mean = mean, .filtered_variance = variance};
    check(kalman_run_bytes(model, BATCH_SIZE, NULL, &probe, &bytes), "bytes");
    void *workspace = memory_for(bytes);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (size_t i = 0; i < BATCH_SERIES; i++) {
            struct kalman_output output = {.filtered_mean = mean ? mean + i * BATCH_SIZE : NULL,
                                           .filtered_variance =
                                               variance ? variance + i * BATCH_SIZE : NULL};
            struct kalman_series series = {.values = y + i * BATCH_SIZE, .count = BATCH_SIZE};
            struct kalman_summary summary;
            check(kalman_run(model, &series, NULL, &output, workspace, bytes, &summary), "run");
        }
        best = fmin(best, (now_ns() - start) / (BATCH_SERIES * BATCH_SIZE));
    }
    free(workspace);
    return best;
}

static double push_ns(const struct kalman_model *model, const double *y, size_t count)
{
    size_t bytes = 0;
    struct kalman_stream *stream = NULL;
    check(kalman_stream_bytes(model, &bytes), "bytes");
    void *memory = memory_for(bytes);
    double level = 0.0, best = INFINITY;
    struct kalman_step step = {.filtered_mean = &level};
    for (int round = 0; round < ROUNDS; round++) {
        check(kalman_stream_init(memory, bytes, model, NULL, &stream), "stream");
        double start = now_ns();
        for (size_t i = 0; i < count; i++)
            check(kalman_stream_push(stream, &y[i], NAN, NULL, &step), "push");
        best = fmin(best, (now_ns() - start) / (double)count);
    }
    free(memory);
    return best;
}

static void bench_level(void)
{
    struct kalman_model *model = level_model();
    double *y = walk(LONG, 1), *mean = doubles(LONG), *variance = doubles(LONG);
    const struct kalman_output filter = {.filtered_mean = mean, .filtered_variance = variance};
    const struct kalman_output smooth = {.smoothed_mean = mean, .smoothed_variance = variance};
    printf("level_loglikelihood_ns %.3f\n", loglikelihood_ns(model, y, LONG));
    printf("level_filter_ns %.3f\n", run_ns(model, y, LONG, &filter));
    printf("level_smooth_ns %.3f\n", run_ns(model, y, LONG, &smooth));
    printf("level_filter_short_ns %.3f\n", run_ns(model, y, BATCH_SIZE, &filter));
    printf("level_push_ns %.3f\n", push_ns(model, y, LONG));
    printf("batch_filter_ns %.3f\n", batch_ns(model, y, mean, variance));
    printf("batch_single_filter_ns %.3f\n", singles_ns(model, y, mean, variance));
    printf("batch_mean_ns %.3f\n", batch_ns(model, y, mean, NULL));
    printf("batch_single_mean_ns %.3f\n", singles_ns(model, y, mean, NULL));
    kalman_model_free(model);
    free(y);
    free(mean);
    free(variance);
}

static void bench_fits(void)
{
    struct kalman_spec spec;
    size_t nile_count = 0, air_count = 0;
    double *nile = vector("nile", 0, &nile_count), *air = vector("airpassengers", 1, &air_count),
           *long_walk = walk(LONG / 10, 2);
    kalman_spec_init(&spec, KALMAN_LOCAL_LEVEL);
    printf("nile_level_fit_us %.3f\n", fit_us(spec, nile, nile_count, 500));
    printf("level_fit_10000_us %.3f\n", fit_us(spec, long_walk, LONG / 10, 5));
    kalman_spec_init(&spec, KALMAN_LOCAL_LINEAR_TREND);
    printf("nile_trend_fit_us %.3f\n", fit_us(spec, nile, nile_count, 5));
    kalman_spec_init(&spec, KALMAN_BASIC_STRUCTURAL);
    check(kalman_spec_set_int(&spec, "period", 12), "period");
    printf("airpassengers_structural_fit_us %.3f\n", fit_us(spec, air, air_count, 1));
    free(nile);
    free(air);
    free(long_walk);
}

static void bench_structural(void)
{
    struct kalman_spec spec;
    struct kalman_model *model = NULL;
    double *y = walk(LONG / 10, 3), *mean = doubles(LONG / 10), *variance = doubles(LONG / 10);
    kalman_spec_init(&spec, KALMAN_BASIC_STRUCTURAL);
    check(kalman_spec_set_int(&spec, "period", 12), "period");
    const char *const names[] = {"observation_variance", "level_variance", "slope_variance",
                                 "seasonal_variance"};
    const double values[] = {1.0, 0.1, 0.01, 0.05};
    for (size_t i = 0; i < 4; i++)
        check(kalman_spec_set(&spec, names[i], values[i]), "set");
    check(kalman_model_new(&spec, &model), "model");
    const struct kalman_output filter = {.filtered_mean = mean, .filtered_variance = variance};
    const struct kalman_output smooth = {.smoothed_mean = mean, .smoothed_variance = variance};
    printf("structural_filter_ns %.3f\n", run_ns(model, y, LONG / 10, &filter));
    printf("structural_smooth_ns %.3f\n", run_ns(model, y, LONG / 10, &smooth));
    kalman_model_free(model);
    free(y);
    free(mean);
    free(variance);
}

/* A year of days: five years and a half of them, once each, for they take long. */
static void bench_year(void)
{
    enum { COUNT = 2000, PERIOD = 366 };
    struct kalman_spec spec;
    struct kalman_model *model = NULL;
    struct kalman_summary summary;
    struct kalman_fit fit;
    double *y = walk(COUNT, 4), *mean = doubles(COUNT), *variance = doubles(COUNT);
    size_t bytes = 0, fit_bytes = 0;
    for (size_t t = 0; t < COUNT; t++)
        y[t] += 3.0 * sin((double)(t % PERIOD));
    kalman_spec_init(&spec, KALMAN_BASIC_STRUCTURAL);
    check(kalman_spec_set_int(&spec, "period", PERIOD), "period");
    check(kalman_fit_bytes(&spec, COUNT, &fit_bytes), "bytes");
    void *workspace = memory_for(fit_bytes);
    const struct kalman_series series = {.values = y, .count = COUNT};
    double start = now_ns();
    check(kalman_fit(&spec, &series, NULL, workspace, fit_bytes, NULL, &fit), "fit");
    printf("year_fit_ms %.3f\n", (now_ns() - start) / 1e6);
    free(workspace);
    check(kalman_model_new(&fit.spec, &model), "model");
    for (int smoothed = 0; smoothed < 2; smoothed++) {
        const struct kalman_output filter = {.filtered_mean = mean, .filtered_variance = variance};
        const struct kalman_output smooth = {.smoothed_mean = mean, .smoothed_variance = variance};
        const struct kalman_output *output = smoothed ? &smooth : &filter;
        check(kalman_run_bytes(model, COUNT, NULL, output, &bytes), "bytes");
        workspace = memory_for(bytes);
        start = now_ns();
        check(kalman_run(model, &series, NULL, output, workspace, bytes, &summary), "run");
        printf("year_%s_ms %.3f\n", smoothed ? "smooth" : "filter", (now_ns() - start) / 1e6);
        free(workspace);
    }
    kalman_model_free(model);
    free(y);
    free(mean);
    free(variance);
}

int main(void)
{
    bench_level();
    bench_structural();
    bench_fits();
    bench_year();
    return 0;
}
