/*
 * Online: fit a local linear trend to the past, go on with a stream, raise an alarm on surprising
 * values, save and load the stream between, and forecast. The four steps of the library (spec, fit,
 * model, stream) with their errors handled once.
 */
#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/stream.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAST = 60, PRESENT = 12, AHEAD = 3 };

static void require(enum kalman_status status, const char *what)
{
    if (status == KALMAN_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, kalman_strerror(status));
    exit(1);
}

static void *memory_for(size_t bytes)
{
    void *memory =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN) / KALMAN_ALIGN * KALMAN_ALIGN);
    if (!memory)
        require(KALMAN_ENOMEM, "memory");
    return memory;
}

/* A made-up gauge: a slow rise, a wobble, one reading lost, one wild. */
static double reading(int t)
{
    if (t == 20)
        return (double)NAN;
    return 10.0 + 0.2 * t + sin(1.7 * t) + 0.6 * sin(0.31 * t * t) + (t == PAST + 7 ? 9.0 : 0.0);
}

static struct kalman_model *model_of_the_past(void)
{
    double past[PAST];
    for (int t = 0; t < PAST; t++)
        past[t] = reading(t);
    struct kalman_series series = {.values = past, .count = PAST};
    struct kalman_spec spec;
    struct kalman_fit fit;
    struct kalman_model *model = NULL;
    size_t bytes = 0;
    kalman_spec_init(&spec, KALMAN_LOCAL_LINEAR_TREND); /* every parameter left to be fitted */
    require(kalman_fit_bytes(&spec, PAST, &bytes), "workspace");
    void *workspace = memory_for(bytes);
    require(kalman_fit(&spec, &series, NULL, workspace, bytes, NULL, &fit), "fit");
    free(workspace);
    printf("fit: %s, observation variance %.3g, level %.3g, slope %.3g\n",
           kalman_fit_status_name(fit.status), kalman_spec_get(&fit.spec, "observation_variance"),
           kalman_spec_get(&fit.spec, "level_variance"),
           kalman_spec_get(&fit.spec, "slope_variance"));
    require(kalman_model_new(&fit.spec, &model), "model");
    return model;
}

/* What another process would do after a restart: the saved bytes and the same model give the
 * same stream. */
static struct kalman_stream *restart(struct kalman_stream *stream, const struct kalman_model *model,
                                     const struct kalman_options *options, void *memory,
                                     size_t bytes)
{
    size_t saved_bytes = 0;
    struct kalman_stream *loaded = NULL;
    require(kalman_stream_save_bytes(stream, &saved_bytes), "save");
    void *saved = memory_for(saved_bytes);
    require(kalman_stream_save(stream, saved, saved_bytes, &saved_bytes), "save");
    require(kalman_stream_load(memory, bytes, model, options, saved, saved_bytes, &loaded), "load");
    free(saved);
    return loaded;
}

int main(void)
{
    struct kalman_model *model = model_of_the_past();
    /* one wild reading must not carry the level away */
    struct kalman_options options = {.robust_threshold = 3.0};
    struct kalman_stream *stream = NULL;
    size_t bytes = 0;
    require(kalman_stream_bytes(model, &bytes), "stream");
    void *memory = memory_for(bytes), *second = memory_for(bytes);
    require(kalman_stream_init(memory, bytes, model, &options, &stream), "stream");
    for (int t = 0; t < PAST + PRESENT; t++) {
        double value = reading(t), level = 0.0, score = 0.0;
        struct kalman_step step = {.filtered_mean = &level, .anomaly_score = &score};
        require(kalman_stream_push(stream, &value, (double)NAN, NULL, &step), "push");
        if (t >= PAST)
            printf("%d: read %.2f, level %.2f%s\n", t, value, level,
                   score > 3.0 ? "   <- one in a thousand" : "");
        if (t == PAST)
            stream = restart(stream, model, &options, second, bytes);
    }
    double mean[AHEAD], lower[AHEAD], upper[AHEAD], coverage = 0.95;
    struct kalman_forecast forecast = {.horizon = AHEAD,
                                       .levels = &coverage,
                                       .level_count = 1,
                                       .mean = mean,
                                       .lower = lower,
                                       .upper = upper};
    require(kalman_stream_forecast(stream, &forecast, memory, bytes), "forecast");
    for (int h = 0; h < AHEAD; h++)
        printf("+%d: %.2f, 95%% within [%.2f, %.2f]\n", h + 1, mean[h], lower[h], upper[h]);
    free(memory);
    free(second);
    kalman_model_free(model);
    return 0;
}
