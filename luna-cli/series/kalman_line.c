#include "series/kalman_line.h"

#include "luna/base/suggest.h"
#include "luna/modelling/number.h"
#include "terminal/exit_status.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_BYTES_MAX = 16384, LIST_MAX = 64 };

enum flag {
    FLAG_MODEL = 256,
    FLAG_PARAMETER,
    FLAG_SETTING,
    FLAG_OUTPUT,
    FLAG_HORIZON,
    FLAG_INTERVAL,
    FLAG_INCLUDE,
    FLAG_ROBUST,
    FLAG_TRANSFORM,
    FLAG_BIAS_ADJUST,
    FLAG_PRECISION,
    FLAG_INPUT_FORMAT,
    FLAG_OUTPUT_FORMAT,
    FLAG_OUTPUT_FILE,
    FLAG_PLOT,
    FLAG_BATCH,
    FLAG_TABLE /* the first of KALMAN_TABLE_OPTIONS */
};

static const struct option flags[] = {
    {"model", required_argument, NULL, FLAG_MODEL},
    {"parameter", required_argument, NULL, FLAG_PARAMETER},
    {"setting", required_argument, NULL, FLAG_SETTING},
    {"output", required_argument, NULL, FLAG_OUTPUT},
    {"horizon", required_argument, NULL, FLAG_HORIZON},
    {"interval", required_argument, NULL, FLAG_INTERVAL},
    {"include", required_argument, NULL, FLAG_INCLUDE},
    {"robust", no_argument, NULL, FLAG_ROBUST},
    {"transform", required_argument, NULL, FLAG_TRANSFORM},
    {"bias-adjust", no_argument, NULL, FLAG_BIAS_ADJUST},
    {"precision", required_argument, NULL, FLAG_PRECISION},
    {"input-format", required_argument, NULL, FLAG_INPUT_FORMAT},
    {"output-format", required_argument, NULL, FLAG_OUTPUT_FORMAT},
    {"output-file", required_argument, NULL, FLAG_OUTPUT_FILE},
    {"plot", no_argument, NULL, FLAG_PLOT},
    {"batch", no_argument, NULL, FLAG_BATCH},
    /* luna_table_option_names */
    {"column", required_argument, NULL, FLAG_TABLE},
    {"time-column", required_argument, NULL, FLAG_TABLE + 1},
    {"id-column", required_argument, NULL, FLAG_TABLE + 2},
    {"header", required_argument, NULL, FLAG_TABLE + 3},
    {"delimiter", required_argument, NULL, FLAG_TABLE + 4},
    {"decimal", required_argument, NULL, FLAG_TABLE + 5},
    {"missing", required_argument, NULL, FLAG_TABLE + 6},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* The options as given, before they become JSON: they may come in any order. */
struct given {
    const char *model, *output, *horizon, *transform;
    const char *parameters[LIST_MAX], *settings[LIST_MAX], *intervals[LIST_MAX],
        *includes[LIST_MAX];
    size_t parameter_count, setting_count, interval_count, include_count;
    bool robust, bias_adjust;
    bool flags[sizeof flags / sizeof flags[0]]; /* which ones, in their order */
};

const char *kalman_line_option(int index)
{
    return flags[index].name;
}

static const char table_help[] =
    "  --batch                  filter every series of FILE: {\"series\": [[1, 2], {\"id\": \"a\", "
    "\"results\":\n"
    "                           [3, 4]}]}, lines such as {\"id\": \"a\", \"results\": [1, 2]}, or "
    "a "
    "table with a\n"
    "                           column of ids; written as json or ndjson, each series with its id\n"
    "  --column NAME|N          column of the observations, by name or by number (from 1)\n"
    "  --time-column NAME|N     column of the times, which have to increase; \"\": ignore the "
    "times\n"
    "  --id-column NAME|N       column that names the series of each row; \"\": there is none\n"
    "  --header WHICH           present or absent: whether the first line contains column names\n"
    "  --delimiter CHARACTER    delimiter of CSV: comma, semicolon, tab, pipe or space\n"
    "  --decimal CHARACTER      decimal mark of CSV: point or comma\n"
    "  --missing LIST           comma-separated numbers and words that stand for a missing "
    "observation, such\n"
    "                           as -9999,ND; \"\": none does, every number is a value\n";

static const char table_words[] =
    "\n"
    "Words recognised in a table (upper or lower case)\n"
    "  missing observation   an empty field, NA, N/A, #N/A, <NA>, NaN, NaT, n.a., nil, None, null, "
    "#NV,\n"
    "                        ., -, --, .., :\n"
    "  column of numbers     value, y\n"
    "  column of times       time, date, datetime, ds, ts, timestamp, year\n"
    "  column of ids         unique_id, series_id, item_id\n";

void kalman_line_print_help(void)
{
    printf(
        "Usage: luna kalman FILE|- [options]\n"
        "\n"
        "Filter, smooth or forecast the series in FILE, and write the result to standard output in "
        "the format\n"
        "of the input. If FILE is \"-\", the series is read from standard input. No server is "
        "needed.\n"
        "\n"
        "CSV: the series is the column named \"value\" or \"y\"; without such a column, it is the "
        "only column of\n"
        "numbers. Header, delimiter and decimal mark are detected. A file that could be read in "
        "more than one\n"
        "way is refused, and the message names the option that says how to read it.\n"
        "JSON: {\"results\": [1120, null, 963]}; the object can also contain the options of the "
        "HTTP API. The\n"
        "options below take precedence over those in the file.\n"
        "NDJSON: each line is a number, null or {\"value\": 1120}.\n"
        "octets: little-endian doubles.\n"
        "\n"
        "Options\n"
        "  --model NAME             local_level (default), basic_structural, seasonal, arima, "
        "auto, …\n"
        "  --parameter NAME=VALUE   fix this parameter (default: fitted by maximum likelihood); "
        "repeatable\n"
        "  --setting NAME=INTEGER   set an option of the model, such as period=12; repeatable\n"
        "  --output WHICH           filtered (default), smoothed or predicted series\n"
        "  --horizon N              forecast N steps past the end (default: 0)\n"
        "  --interval P             add bounds of the interval with probability P, such as 0.95; "
        "repeatable\n"
        "  --include LIST           comma-separated additions: variance, innovations; only in "
        "JSON: model,\n"
        "                           diagnostics, input, standard_errors, covariance\n"
        "  --robust                 limit the influence of outliers, on the fit too\n"
        "  --transform WHICH        transform the series first: none, log, auto or a Box-Cox power "
        "such as\n"
        "                           0.3 (default: auto with --model auto, otherwise none)\n"
        "  --bias-adjust            with a transform, return means instead of medians\n"
        "  --precision N            round to N significant digits, 1 to 17 (default: exact)\n"
        "  --input-format FORMAT    json, csv, ndjson or octets (default: according to file name "
        "and content)\n"
        "  --output-format FORMAT   json, csv, ndjson or octets (default: according to the name "
        "of\n"
        "                           --output-file; without that option, the format of the input)\n"
        "  --output-file FILE       write the result to FILE instead of standard output; if an "
        "error occurs,\n"
        "                           FILE does not change\n"
        "  --plot                   draw the series, the result, the forecast and an interval on "
        "standard\n"
        "                           output (of probability 0.95 by default); numbers are written "
        "only if\n"
        "                           --output-file is given\n"
        "%s"
        "  --help                   show this help\n"
        "%s"
        "\n"
        "Exit statuses\n"
        "   0  success\n"
        "   1  the series cannot be read or modelled; with --batch, at least one of them\n"
        "   2  invalid command line\n"
        "\n"
        "Example\n"
        "  luna kalman nile.csv --parameter level_variance=1469.1 --parameter "
        "observation_variance=15099\n"
        "  luna kalman sales.csv --model basic_structural --setting period=12 --horizon 24 "
        "--plot\n"
        "  luna kalman shops.csv --batch --id-column shop --horizon 7\n",
        table_help, table_words);
}

static bool read_format(const char *flag, const char *text, enum source_format *ret_format)
{
    enum source_format format = source_format_named(text);
    if (format == SOURCE_FORMAT_GUESS) {
        cli_exit_usage("%s is \"%s\"; expected json, csv, ndjson or octets", flag, text);
        return false;
    }
    *ret_format = format;
    return true;
}

static bool read_precision(const char *text, int *ret_precision)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > 17) {
        cli_exit_usage("--precision is \"%s\"; expected an integer from 1 to 17", text);
        return false;
    }
    *ret_precision = (int)value;
    return true;
}

static bool add(const char **list, size_t *count, const char *flag, const char *text)
{
    if (*count == LIST_MAX) {
        cli_exit_usage("%s occurs more than %d times", flag, LIST_MAX);
        return false;
    }
    list[(*count)++] = text;
    return true;
}

static bool add_pair(const char **list, size_t *count, const char *flag, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        cli_exit_usage("%s is \"%s\"; expected NAME=VALUE", flag, text);
        return false;
    }
    size_t len = (size_t)(equals - text) + 1;
    for (size_t i = 0; i < *count; i++) {
        if (strncmp(list[i], text, len) == 0) {
            cli_exit_usage("%s %.*s occurs more than once", flag, (int)len - 1, text);
            return false;
        }
    }
    return add(list, count, flag, text);
}

static bool take_flag(int flag, const char *value, struct given *given, struct kalman_line *line)
{
    if (flag >= FLAG_TABLE && flag < FLAG_TABLE + KALMAN_TABLE_OPTIONS) {
        line->table[flag - FLAG_TABLE] = value;
        return true;
    }
    switch ((enum flag)flag) {
    case FLAG_MODEL:
        given->model = value;
        return true;
    case FLAG_OUTPUT:
        given->output = value;
        return true;
    case FLAG_HORIZON:
        given->horizon = value;
        return true;
    case FLAG_ROBUST:
        given->robust = true;
        return true;
    case FLAG_TRANSFORM:
        given->transform = value;
        return true;
    case FLAG_BIAS_ADJUST:
        given->bias_adjust = true;
        return true;
    case FLAG_PARAMETER:
        return add_pair(given->parameters, &given->parameter_count, "--parameter", value);
    case FLAG_SETTING:
        return add_pair(given->settings, &given->setting_count, "--setting", value);
    case FLAG_INTERVAL:
        return add(given->intervals, &given->interval_count, "--interval", value);
    case FLAG_INCLUDE:
        return add(given->includes, &given->include_count, "--include", value);
    case FLAG_PRECISION:
        return read_precision(value, &line->precision);
    case FLAG_INPUT_FORMAT:
        return read_format("--input-format", value, &line->input_format);
    case FLAG_OUTPUT_FORMAT:
        return read_format("--output-format", value, &line->output_format);
    case FLAG_OUTPUT_FILE:
        line->output_path = value;
        return true;
    case FLAG_PLOT:
        line->plot = true;
        return true;
    case FLAG_BATCH:
        line->batch = true;
        return true;
    case FLAG_TABLE:
        break;
    }
    return false; /* getopt_long() has reported the unknown option */
}

/* The last of two values would win, and nobody would see that the first is lost. */
static bool check_repeat(int index, struct given *given)
{
    int flag = flags[index].val;
    bool is_list = flag == FLAG_PARAMETER || flag == FLAG_SETTING || flag == FLAG_INTERVAL ||
                   flag == FLAG_INCLUDE;
    bool is_repeated = given->flags[index] && !is_list && flags[index].has_arg != no_argument;
    given->flags[index] = true;
    if (is_repeated)
        cli_exit_usage("--%s occurs more than once", flags[index].name);
    return !is_repeated;
}

/* A word of the command line as a JSON value: a number if it is one, else a string, which the
 * validator rejects where it expects a number. */
static void put_word(struct luna_buf *out, const char *text, size_t len)
{
    double value = 0;
    size_t used = 0;
    bool number = luna_number_parse(text, len, &value, &used) != LUNA_NUMBER_SYNTAX && used == len;
    if (number)
        luna_buf_append(out, text, len);
    else
        luna_buf_put_json_string(out, text, len);
}

/* The words of a comma-separated list, each as a JSON value. */
static void put_words(struct luna_buf *out, const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ",");
        put_word(out, text, len);
        if (text[len] == '\0')
            return;
        luna_buf_putc(out, ',');
        text += len + 1;
    }
}

static void put_pair(struct luna_buf *out, const char *pair)
{
    const char *equals = strchr(pair, '=');
    bool list = strchr(equals, ',') != NULL;
    luna_buf_put_json_string(out, pair, (size_t)(equals - pair));
    luna_buf_puts(out, list ? ":[" : ":");
    put_words(out, equals + 1);
    luna_buf_puts(out, list ? "]" : "");
}

/* The name of a member, after the comma that separates it from the previous member. */
static void put_name(struct luna_buf *out, const char *name)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        luna_buf_putc(out, ',');
    luna_buf_printf(out, "\"%s\":", name);
}

static void put_model(const struct given *given, struct luna_buf *out)
{
    if (given->model == NULL && given->parameter_count == 0 && given->setting_count == 0)
        return;
    put_name(out, "model");
    luna_buf_puts(out, "{\"name\":");
    const char *name = given->model != NULL ? given->model : "local_level";
    luna_buf_put_json_string(out, name, strlen(name));
    for (size_t i = 0; i < given->setting_count; i++) {
        luna_buf_putc(out, ',');
        put_pair(out, given->settings[i]);
    }
    luna_buf_puts(out, ",\"parameters\":{");
    for (size_t i = 0; i < given->parameter_count; i++) {
        if (i > 0)
            luna_buf_putc(out, ',');
        put_pair(out, given->parameters[i]);
    }
    luna_buf_puts(out, "}}");
}

static void put_list(struct luna_buf *out, const char *name, const char *const *list, size_t count)
{
    if (count == 0)
        return;
    put_name(out, name);
    luna_buf_putc(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            luna_buf_putc(out, ',');
        put_words(out, list[i]);
    }
    luna_buf_putc(out, ']');
}

/* A number is the power of a Box-Cox transform. */
static void put_transform(struct luna_buf *out, const char *text)
{
    double value = 0;
    size_t used = 0, len = strlen(text);
    bool power = luna_number_parse(text, len, &value, &used) != LUNA_NUMBER_SYNTAX && used == len;
    put_name(out, "transform");
    luna_buf_puts(out, power ? "{\"box_cox\":" : "");
    put_word(out, text, len);
    luna_buf_puts(out, power ? "}" : "");
}

static bool write_options(const struct given *given, struct luna_buf *out)
{
    luna_buf_putc(out, '{');
    put_model(given, out);
    if (given->output != NULL) {
        put_name(out, "output");
        luna_buf_put_json_string(out, given->output, strlen(given->output));
    }
    if (given->horizon != NULL) {
        put_name(out, "horizon");
        put_word(out, given->horizon, strlen(given->horizon));
    }
    if (given->robust) {
        put_name(out, "robust");
        luna_buf_puts(out, "true");
    }
    if (given->transform != NULL)
        put_transform(out, given->transform);
    if (given->bias_adjust) {
        put_name(out, "bias_adjust");
        luna_buf_puts(out, "true");
    }
    put_list(out, "intervals", given->intervals, given->interval_count);
    put_list(out, "include", given->includes, given->include_count);
    luna_buf_putc(out, '}');
    if (out->overflow)
        cli_exit_usage("the options are too long");
    return !out->overflow;
}

/* `typed`: "--name" or "--name=value", which getopt_long() has reported. */
static void suggest_flag(const char *typed)
{
    const char *name = typed + strspn(typed, "-");
    struct luna_suggestion suggestion = {.typed = name, .typed_len = strcspn(name, "=")};
    for (const struct option *option = flags; option->name; option++)
        luna_suggest_compare(&suggestion, option->name, strlen(option->name));
    if (suggestion.nearest && suggestion.distance > 0)
        fprintf(stderr, "Did you mean: --%s\n", suggestion.nearest);
}

static bool fits_batch(const struct kalman_line *line)
{
    bool other =
        line->output_format == SOURCE_FORMAT_CSV || line->output_format == SOURCE_FORMAT_OCTETS;
    if (line->batch && line->plot)
        cli_exit_usage("--plot draws one series; leave out --batch");
    else if (line->batch && other)
        cli_exit_usage("--batch writes json or ndjson");
    return !line->batch || (!line->plot && !other);
}

enum kalman_line_status kalman_line_read(int argc, char **argv, struct kalman_line *ret_line)
{
    struct given given = {.model = NULL};
    *ret_line = (struct kalman_line){.path = NULL};
    luna_buf_init(&ret_line->options, OPTIONS_BYTES_MAX);
    optind = 0; /* glibc: restart the scan */
    for (;;) {
        int index = 0;
        int flag = getopt_long(argc, argv, "h", flags, &index); /* NOLINT(concurrency-mt-unsafe) */
        if (flag == 'h')
            return KALMAN_LINE_HELP;
        if (flag == -1)
            break;
        if (flag == '?')
            suggest_flag(argv[optind - 1]);
        else if (!check_repeat(index, &given))
            return KALMAN_LINE_WRONG;
        if (!take_flag(flag, optarg, &given, ret_line))
            return KALMAN_LINE_WRONG;
    }
    if (argc - optind != 1) {
        cli_exit_usage(argc == optind ? "kalman requires FILE, or - for standard input"
                                      : "kalman takes only one FILE");
        return KALMAN_LINE_WRONG;
    }
    ret_line->path = argv[optind];
    if (!fits_batch(ret_line))
        return KALMAN_LINE_WRONG;
    return write_options(&given, &ret_line->options) ? KALMAN_LINE_RUN : KALMAN_LINE_WRONG;
}

void kalman_line_done(struct kalman_line *line)
{
    luna_buf_done(&line->options);
}
