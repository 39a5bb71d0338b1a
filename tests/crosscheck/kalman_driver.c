/*
 * The library on a command line, for comparisons with other programs: reads one series, prints
 * results, one per line.
 *
 *   kalman_driver FILE KIND [log] [choose_scale] [times=FILE] [input=FILE]... [setting=N]...
 *     [parameter=X | parameter=X,Y,..]... [WANT]...
 *
 * FILE: one number a line, NA for missing, # for comments. log: models and results are of the
 * logarithms. choose_scale: models may be of the logarithms; forecasts are of the data. Parameters
 * left out are fitted. WANT: filter, smooth, errors (of the fitted parameters), forecast=H (each
 * with mean or median, variance on the scale of the model, and bounds of the intervals of 95 % and
 * 80 %). Numbers are printed with 17 digits. It reports what the library says and judges nothing.
 */
#include <kalman/fit.h>
#include <kalman/model.h>
#include <kalman/run.h>
#include <kalman/transform.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { values_max = 100000, inputs_max = 8 };

struct task {
    struct kalman_spec spec;
    double *values, *times, *inputs[inputs_max];
    size_t count, input_count, horizon;
    bool logarithm, choose_scale, filter, smooth, errors;
};

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "kalman_driver: %s: %s\n", what, detail);
    exit(2);
}

static void check(int status, const char *what)
{
    if (status != KALMAN_OK)
        fail(what, kalman_strerror(status));
}

/* The number that text starts with. */
static double number(const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text)
        fail("not a number", text);
    return value;
}

static void *allocate(size_t bytes)
{
    void *memory =
        aligned_alloc(KALMAN_ALIGN, (bytes + KALMAN_ALIGN) / KALMAN_ALIGN * KALMAN_ALIGN);
    if (!memory)
        fail("memory", "exhausted");
    return memory;
}

static double *read_numbers(const char *path, size_t *ret_count)
{
    FILE *file = fopen(path, "r");
    char line[128];
    if (!file)
        fail("cannot open", path);
    double *values = allocate(values_max * sizeof(double));
    size_t count = 0;
    while (count < values_max && fgets(line, sizeof line, file))
        if (line[0] != '#' && line[0] != '\n')
            values[count++] = strncmp(line, "NA", 2) == 0 ? (double)NAN : number(line);
    fclose(file);
    *ret_count = count;
    return values;
}

static void set_parameter(struct task *task, const char *name, const char *text)
{
    double values[KALMAN_PARAMETERS_MAX];
    size_t count = 0;
    for (const char *at = text; at && count < KALMAN_PARAMETERS_MAX;
         at = strchr(at, ','), at += at ? 1 : 0)
        values[count++] = number(at);
    int status = count == 1 ? kalman_spec_set(&task->spec, name, values[0]) : KALMAN_EINVAL;
    if (status == KALMAN_EINVAL)
        status = kalman_spec_set_array(&task->spec, name, values, count);
    check(status, name);
}

static void take_word(struct task *task, char *word)
{
    size_t count = 0;
    char *value = strchr(word, '=');
    if (value)
        *value++ = '\0';
    if (strcmp(word, "log") == 0)
        task->logarithm = true;
    else if (strcmp(word, "choose_scale") == 0)
        task->choose_scale = true;
    else if (strcmp(word, "filter") == 0)
        task->filter = true;
    else if (strcmp(word, "smooth") == 0)
        task->smooth = true;
    else if (strcmp(word, "errors") == 0)
        task->errors = true;
    else if (!value)
        fail("not understood", word);
    else if (strcmp(word, "forecast") == 0)
        task->horizon = (size_t)number(value);
    else if (strcmp(word, "times") == 0)
        task->times = read_numbers(value, &count);
    else if (strcmp(word, "input") == 0 && task->input_count < inputs_max)
        task->inputs[task->input_count++] = read_numbers(value, &count);
    else if (kalman_spec_get_int(&task->spec, word) != -1)
        check(kalman_spec_set_int(&task->spec, word, (int)number(value)), word);
    else
        set_parameter(task, word, value);
}

static double *interleave(const struct task *task)
{
    double *all = allocate(task->count * task->input_count * sizeof(double) + 1);
    for (size_t t = 0; t < task->count; t++)
        for (size_t j = 0; j < task->input_count; j++)
            all[t * task->input_count + j] = task->inputs[j][t];
    return all;
}

static void print_parameters(const struct kalman_spec *spec)
{
    const struct kalman_kind_info *info = kalman_kind_describe(spec->kind);
    printf("kind %s\n", info->name);
    for (const struct kalman_parameter_info *p = info->parameters; p->name; p++) {
        size_t at = 0, count = 0;
        check(kalman_spec_locate(spec, p->name, &at, &count), p->name);
        for (size_t i = 0; i < count; i++) {
            int exponent = p->domain == KALMAN_DOMAIN_VARIANCE ? spec->variance_exponent : 0;
            printf(p->length ? "%s%zu %.17g\n" : "%s%.0zu %.17g\n", p->name, p->length ? i + 1 : 0,
                   ldexp(spec->parameters[at + i], exponent));
        }
    }
}

static void print_fit(const struct kalman_fit *fit)
{
    printf("status %s\nloglikelihood %.17g\nmarginal %.17g\naic %.17g\naicc %.17g\nevaluations "
           "%zu\ndiffuse "
           "%zu\n",
           kalman_fit_status_name(fit->status), fit->loglikelihood, fit->loglikelihood_marginal,
           fit->aic, fit->aicc, fit->evaluations, fit->diffuse_count);
    printf("scale %s\n", fit->transform.kind == KALMAN_TRANSFORM_LOG ? "log" : "data");
    if (fit->reason)
        printf("reason %s\n", fit->reason);
    print_parameters(&fit->spec);
}

/* A line for each fitted parameter, in the order of the spec: standard error, lower, upper. */
static void print_errors(const struct task *task, const struct kalman_spec *fitted,
                         const struct kalman_series *series)
{
    struct kalman_uncertainty found;
    size_t bytes = 0;
    check(kalman_uncertainty_bytes(fitted, series->count, &bytes), "uncertainty bytes");
    check(kalman_uncertainty(&task->spec, fitted, series, NULL, 0.95, allocate(bytes), bytes, NULL,
                             &found),
          "uncertainty");
    for (size_t i = 0; i < found.count; i++)
        printf("error %.17g %.17g %.17g\n", found.standard_error[i], found.lower[i],
               found.upper[i]);
}

static void print_forecast(const struct kalman_forecast *forecast,
                           const struct kalman_transform *transform)
{
    size_t h = forecast->horizon;
    for (size_t t = 0; t < h; t++) {
        printf("forecast %.17g %.17g", kalman_transform_invert(transform, forecast->mean[t]),
               forecast->variance[t]);
        for (size_t k = 0; k < forecast->level_count; k++)
            printf(" %.17g %.17g", kalman_transform_invert(transform, forecast->lower[k * h + t]),
                   kalman_transform_invert(transform, forecast->upper[k * h + t]));
        puts("");
    }
}

static void run(const struct task *task, const struct kalman_spec *spec,
                const struct kalman_transform *transform, const struct kalman_series *series)
{
    static const double levels[] = {0.95, 0.8};
    size_t n = series->count, bytes = 0, h = task->horizon;
    struct kalman_model *model = NULL;
    check(kalman_model_new(spec, &model), "model");
    double *arrays = allocate((4 * n + 6 * h + 1) * sizeof(double)), *future = arrays + 4 * n;
    struct kalman_forecast forecast = {.horizon = h,
                                       .levels = levels,
                                       .level_count = 2,
                                       .mean = future,
                                       .variance = future + h,
                                       .lower = future + 2 * h,
                                       .upper = future + 4 * h};
    struct kalman_output output = {.filtered_mean = arrays,
                                   .filtered_variance = arrays + n,
                                   .smoothed_mean = task->smooth ? arrays + 2 * n : NULL,
                                   .smoothed_variance = task->smooth ? arrays + 3 * n : NULL,
                                   .forecast = h ? &forecast : NULL};
    struct kalman_summary summary;
    check(kalman_run_bytes(model, n, NULL, &output, &bytes), "run bytes");
    check(kalman_run(model, series, NULL, &output, allocate(bytes), bytes, &summary), "run");
    printf("run_loglikelihood %.17g\n", summary.loglikelihood);
    for (size_t t = 0; t < n && task->filter; t++)
        printf("filtered %.17g %.17g\n", arrays[t], arrays[n + t]);
    for (size_t t = 0; t < n && task->smooth; t++)
        printf("smoothed %.17g %.17g\n", arrays[2 * n + t], arrays[3 * n + t]);
    print_forecast(&forecast, transform);
    kalman_model_free(model);
}

int main(int argc, char **argv)
{
    struct task task = {.count = 0};
    if (argc < 3)
        fail("usage", "kalman_driver FILE KIND [WORD]...");
    const struct kalman_kind_info *info = kalman_kind_by_name(argv[2]);
    if (!info)
        fail("no such kind", argv[2]);
    kalman_spec_init(&task.spec, info->kind);
    task.values = read_numbers(argv[1], &task.count);
    for (int i = 3; i < argc; i++)
        take_word(&task, argv[i]);
    for (size_t t = 0; t < task.count && task.logarithm; t++)
        task.values[t] = log(task.values[t]);
    task.spec.input_count = task.input_count;
    struct kalman_series series = {.values = task.values,
                                   .count = task.count,
                                   .times = task.times,
                                   .inputs = task.input_count ? interleave(&task) : NULL};
    struct kalman_candidate candidates[KALMAN_CANDIDATES_MAX];
    struct kalman_fit fit;
    size_t bytes = 0;
    struct kalman_fit_options options = {
        .logarithms = task.choose_scale ? allocate(series.count * sizeof(double)) : NULL};
    check(kalman_fit_bytes(&task.spec, series.count, &bytes), "fit bytes");
    check(kalman_fit(&task.spec, &series, &options, allocate(bytes), bytes, candidates, &fit),
          "fit");
    if (fit.transform.kind == KALMAN_TRANSFORM_LOG)
        series.values = options.logarithms;
    print_fit(&fit);
    for (size_t i = 0; i < fit.candidate_count; i++)
        printf("candidate %s %.10g %.10g\n", kalman_kind_describe(candidates[i].spec.kind)->name,
               candidates[i].loglikelihood, candidates[i].aicc);
    if (task.errors)
        print_errors(&task, &fit.spec, &series);
    if (task.filter || task.smooth || task.horizon)
        run(&task, &fit.spec, &fit.transform, &series);
    return 0;
}
