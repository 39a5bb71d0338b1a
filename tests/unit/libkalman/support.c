#include "support.h"

#include "fit/problem.h"
#include "model/layout.h"

#include <kalman/random.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { vectors_max = 48, values_max = 8192 };

struct stored {
    char name[64];
    double *values;
    size_t count;
};

static struct stored stored[vectors_max];
static size_t stored_count;

static void *allocate(size_t bytes)
{
    void *memory =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN) / KALMAN_ALIGN * KALMAN_ALIGN);
    assert_non_null(memory);
    return memory;
}

static FILE *open_vector(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s.csv", KALMAN_VECTORS, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("cannot open %s", path);
    return file;
}

static struct stored *remember(const char *name)
{
    for (size_t i = 0; i < stored_count; i++)
        if (strcmp(stored[i].name, name) == 0)
            return &stored[i];
    assert_true(stored_count < vectors_max);
    struct stored *slot = &stored[stored_count++];
    (void)snprintf(slot->name, sizeof slot->name, "%s", name);
    slot->values = allocate(values_max * sizeof(double));
    return slot;
}

const double *vector(const char *name, size_t *ret_count)
{
    struct stored *slot = remember(name);
    char line[128];
    if (slot->count == 0) {
        FILE *file = open_vector(name);
        while (slot->count < values_max && fgets(line, sizeof line, file))
            if (line[0] != '#')
                slot->values[slot->count++] =
                    strncmp(line, "NA", 2) == 0 ? (double)NAN : strtod(line, NULL);
        fclose(file);
    }
    *ret_count = slot->count;
    return slot->values;
}

const double *vector_log(const char *name, size_t *ret_count)
{
    char log_name[80];
    (void)snprintf(log_name, sizeof log_name, "log %.58s", name);
    const double *plain = vector(name, ret_count);
    struct stored *slot = remember(log_name);
    slot->count = *ret_count;
    for (size_t i = 0; i < slot->count; i++)
        slot->values[i] = log(plain[i]);
    return slot->values;
}

double *table_column(const char *name, size_t column, size_t *ret_count)
{
    FILE *file = open_vector(name);
    double *values = allocate(values_max * sizeof(double));
    char line[1024];
    size_t count = 0;
    int heading = 1;
    while (count < values_max && fgets(line, sizeof line, file)) {
        if (line[0] == '#' || heading) {
            heading = line[0] == '#' ? heading : 0;
            continue;
        }
        const char *cell = line;
        for (size_t i = 0; i < column; i++) {
            cell = strchr(cell, ',');
            assert_non_null(cell);
            cell++;
        }
        char *end = NULL;
        double value = strtod(cell, &end);
        values[count++] = end == cell ? (double)NAN : value;
    }
    fclose(file);
    *ret_count = count;
    return values;
}

static void set_word(struct kalman_spec *spec, char *word)
{
    double values[KALMAN_PARAMETERS_MAX];
    size_t count = 0;
    char *value = strchr(word, '=');
    assert_non_null(value);
    *value++ = '\0';
    if (kalman_spec_get_int(spec, word) != -1) {
        assert_int_equal(kalman_spec_set_int(spec, word, (int)strtol(value, NULL, 10)), KALMAN_OK);
        return;
    }
    for (char *at = value; at; at = strchr(at, ','), at += at ? 1 : 0)
        values[count++] = strtod(at, NULL);
    int status = count == 1 ? kalman_spec_set(spec, word, values[0]) : KALMAN_EINVAL;
    if (status == KALMAN_EINVAL)
        status = kalman_spec_set_array(spec, word, values, count);
    if (status != KALMAN_OK)
        fail_msg("%s: %s", word, kalman_strerror(status));
}

struct kalman_spec spec_of(const char *kind, const char *words)
{
    struct kalman_spec spec;
    char copy[1024], *rest = copy;
    const struct kalman_kind_info *info = kalman_kind_by_name(kind);
    assert_non_null(info);
    kalman_spec_init(&spec, info->kind);
    (void)snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            set_word(&spec, word);
    return spec;
}

void series_with_season(double *y, size_t n, size_t period, uint64_t seed)
{
    struct kalman_random random;
    double level = 1000;
    kalman_random_seed(&random, seed);
    for (size_t t = 0; t < n; t++) {
        level += 0.3 * kalman_random_normal(&random);
        y[t] = level + 10 * sin((double)(t % period)) + kalman_random_normal(&random);
    }
}

void *bind_problem(const struct kalman_spec *spec, const double *y, size_t n,
                   const struct kalman_fit_options *options, struct fit_problem *ret_problem)
{
    struct kalman_series series = {.values = y, .count = n};
    struct spec_layout layout;
    size_t bytes = 0;
    assert_int_equal(spec_resolve(spec, false, &layout, NULL), KALMAN_OK);
    assert_int_equal(fit_problem_bytes(spec, &layout, n, &bytes), KALMAN_OK);
    void *memory = allocate(bytes);
    assert_int_equal(
        fit_problem_prepare(ret_problem, spec, &layout, &series, options, memory, bytes),
        KALMAN_OK);
    return memory;
}

void random_point(const struct fit_problem *problem, struct kalman_random *random,
                  struct kalman_spec *ret_spec)
{
    double x[KALMAN_PARAMETERS_MAX];
    for (size_t i = 0; i < problem->count; i++) {
        const struct fit_coordinate *c = &problem->coordinates[i];
        double lower = fmax(c->lower, -1.5), upper = fmin(c->upper, 1.5);
        x[i] = lower + (upper - lower) * kalman_random_uniform(random);
    }
    fit_decode(problem, x, 1, ret_spec);
}

struct kalman_fit fit_series(const struct kalman_spec *spec, const struct kalman_series *series)
{
    struct kalman_fit fit;
    size_t bytes = 0;
    assert_int_equal(kalman_fit_bytes(spec, series->count, &bytes), KALMAN_OK);
    void *workspace = allocate(bytes);
    int status = kalman_fit(spec, series, NULL, workspace, bytes, NULL, &fit);
    free(workspace);
    if (status != KALMAN_OK)
        fail_msg("kalman_fit: %s", kalman_strerror(status));
    return fit;
}

struct kalman_fit fit_of(const struct kalman_spec *spec, const double *values, size_t count)
{
    struct kalman_series series = {.values = values, .count = count};
    return fit_series(spec, &series);
}

struct kalman_summary run_of(const struct kalman_spec *spec, const struct kalman_series *series,
                             struct kalman_output *output)
{
    struct kalman_output nothing = {.forecast = NULL};
    struct kalman_model *model = NULL;
    struct kalman_summary summary;
    size_t bytes = 0;
    if (!output)
        output = &nothing;
    assert_int_equal(kalman_model_new(spec, &model), KALMAN_OK);
    assert_int_equal(kalman_run_bytes(model, series->count, NULL, output, &bytes), KALMAN_OK);
    void *workspace = allocate(bytes);
    int status = kalman_run(model, series, NULL, output, workspace, bytes, &summary);
    free(workspace);
    kalman_model_free(model);
    if (status != KALMAN_OK)
        fail_msg("kalman_run: %s", kalman_strerror(status));
    return summary;
}

double likelihood_of(const struct kalman_spec *spec, const double *values, size_t count)
{
    struct kalman_series series = {.values = values, .count = count};
    return run_of(spec, &series, NULL).loglikelihood;
}

static void assert_near(double actual, double expected, double allowed, const char *what,
                        const char *file, int line)
{
    if (actual == expected || fabs(actual - expected) <= allowed)
        return;
    print_error("%s is %.17g, not %.17g (off by %.3g, allowed %.3g)\n", what, actual, expected,
                actual - expected, allowed);
    _fail(file, line);
}

void assert_relative_at(double actual, double expected, double relative, const char *what,
                        const char *file, int line)
{
    assert_near(actual, expected, relative * fabs(expected), what, file, line);
}

void assert_within_at(double actual, double expected, double absolute, const char *what,
                      const char *file, int line)
{
    assert_near(actual, expected, absolute, what, file, line);
}

/* X is 1 and what the slope has added to the level. */
double start_of_damped_trend(double damping, size_t count)
{
    double sum = 0, added = 0, gram[3] = {0};
    for (size_t t = 0; t < count; t++) {
        gram[0] += 1;
        gram[1] += added;
        gram[2] += added * added;
        sum = added;
        added = 1 + damping * sum;
    }
    return 0.5 * log(gram[0] * gram[2] - gram[1] * gram[1]);
}
