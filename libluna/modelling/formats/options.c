#include "formats/options.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

struct option {
    const char *name;
    void (*apply)(json_t *value, struct luna_request *request, struct luna_faults *faults);
};

static struct luna_fault *fault(struct luna_faults *faults, const char *option, const char *type,
                                const char *msg, const char *hint)
{
    return luna_fault_at(luna_faults_add(faults, type, msg, hint), option);
}

static bool string_is(json_t *value, const char *text)
{
    return json_is_string(value) && json_string_length(value) == strlen(text) &&
           strcmp(json_string_value(value), text) == 0;
}

static void apply_output(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    if (string_is(value, "filtered"))
        request->output = LUNA_OUTPUT_FILTERED;
    else if (string_is(value, "smoothed"))
        request->output = LUNA_OUTPUT_SMOOTHED;
    else if (string_is(value, "predicted"))
        request->output = LUNA_OUTPUT_PREDICTED;
    else
        fault(
            faults, "output", "literal_error",
            "Input should be 'filtered', 'smoothed' or 'predicted'",
            "filtered uses the series up to each point, smoothed the whole series, predicted what "
            "comes before each point");
}

static void apply_robust(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    if (json_is_boolean(value))
        request->robust = json_is_true(value);
    else
        fault(faults, "robust", "bool_type", "Input should be a valid boolean",
              "write true or false");
}

static void apply_bias_adjust(json_t *value, struct luna_request *request,
                              struct luna_faults *faults)
{
    if (json_is_boolean(value))
        request->bias_adjust = json_is_true(value);
    else
        fault(faults, "bias_adjust", "bool_type", "Input should be a valid boolean",
              "true: means; false: medians");
}

static void read_transform_name(json_t *value, struct luna_request *request,
                                struct luna_fault *(*at)(struct luna_fault *),
                                struct luna_faults *faults)
{
    static const struct {
        const char *name;
        enum luna_transform_kind kind;
    } names[] = {
        {"none", LUNA_TRANSFORM_NONE}, {"log", LUNA_TRANSFORM_LOG}, {"auto", LUNA_TRANSFORM_AUTO}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (string_is(value, names[i].name)) {
            request->transform.kind = names[i].kind;
            return;
        }
    }
    (void)at(luna_faults_add(faults, "literal_error", "Input should be 'none', 'log' or 'auto'",
                             "or {\"box_cox\": 0.3} for a power"));
}

static struct luna_fault *at_transform(struct luna_fault *fault)
{
    return luna_fault_at(fault, "transform");
}

static struct luna_fault *at_model_transform(struct luna_fault *fault)
{
    return luna_fault_at(luna_fault_at(fault, "model"), "transform");
}

/* A name, or {"box_cox": lambda}. */
static void read_transform(json_t *value, struct luna_request *request,
                           struct luna_fault *(*at)(struct luna_fault *),
                           struct luna_faults *faults)
{
    static const char hint[] = "{\"box_cox\": 0.3}: a power from -2 to 2, 0 for logarithms";
    json_t *power = json_is_object(value) ? json_object_get(value, "box_cox") : NULL;
    double lambda = json_number_value(power);
    const char *type = NULL, *msg = NULL;
    if (request->transform_given) {
        (void)at(luna_faults_add(faults, "value_error", "Value error, the transform is given twice",
                                 "send it in the model or beside it"));
        return;
    }
    request->transform_given = true;
    if (!json_is_object(value)) {
        read_transform_name(value, request, at, faults);
        return;
    }
    if (power == NULL) {
        type = "missing";
        msg = "Field required";
    } else if (json_object_size(value) > 1) {
        type = "too_long";
        msg = "Dictionary should have at most 1 item after validation";
    } else if (!json_is_number(power)) {
        type = "float_type";
        msg = "Input should be a valid number";
    } else if (lambda < -2) {
        type = "greater_than_equal";
        msg = "Input should be greater than or equal to -2";
    } else if (lambda > 2) {
        type = "less_than_equal";
        msg = "Input should be less than or equal to 2";
    }
    if (type != NULL)
        luna_fault_at(at(luna_faults_add(faults, type, msg, hint)), "box_cox");
    request->transform = (struct luna_transform){.kind = LUNA_TRANSFORM_BOX_COX, .lambda = lambda};
}

static void apply_transform(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    read_transform(value, request, at_transform, faults);
}

/* A whole number from 0 to max, which `above` says; -1 after a fault. */
static int64_t read_count(json_t *value, const char *name, int64_t max, const char *above,
                          const char *hint, struct luna_faults *faults)
{
    double count = json_number_value(value);
    if (!json_is_number(value))
        fault(faults, name, "int_type", "Input should be a valid integer", hint);
    else if (count != floor(count))
        fault(faults, name, "int_from_float",
              "Input should be a valid integer, got a number with a fractional part", hint);
    else if (count < 0)
        fault(faults, name, "greater_than_equal", "Input should be greater than or equal to 0",
              hint);
    else if (count > (double)max)
        fault(faults, name, "less_than_equal", above, hint);
    else
        return (int64_t)count;
    return -1;
}

static void apply_horizon(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    _Static_assert(LUNA_HORIZON_MAX == 10000, "the messages say 10000");
    int64_t horizon = read_count(
        value, "horizon", LUNA_HORIZON_MAX, "Input should be less than or equal to 10000",
        "the number of steps to forecast past the end, from 0 to 10000", faults);
    request->horizon = horizon < 0 ? 0 : horizon;
}

static void apply_lags(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    _Static_assert(LUNA_LAGS_MAX == 1000, "the messages say 1000");
    int64_t lags = read_count(value, "ljung_box_lags", LUNA_LAGS_MAX,
                              "Input should be less than or equal to 1000",
                              "the number of autocorrelations to test, from 1 to 1000; 0: two "
                              "periods, or 10, but at most a fifth of the observations",
                              faults);
    request->ljung_box_lags = lags < 0 ? 0 : (int)lags;
}

static bool check_interval(json_t *item, size_t index, const struct luna_request *request,
                           struct luna_faults *faults)
{
    static const char hint[] = "a probability between 0 and 1, such as 0.95";
    double level = json_number_value(item);
    const char *type = NULL, *msg = NULL;
    if (!json_is_number(item)) {
        type = "float_type";
        msg = "Input should be a valid number";
    } else if (!(level > 0)) {
        type = "greater_than";
        msg = "Input should be greater than 0";
    } else if (!(level < 1)) {
        type = "less_than";
        msg = "Input should be less than 1";
    }
    for (size_t i = 0; type == NULL && i < request->interval_count; i++) {
        if (request->intervals[i] == level) {
            type = "value_error";
            msg = "Value error, the same interval is requested twice";
        }
    }
    if (type != NULL)
        luna_fault_at_index(fault(faults, "intervals", type, msg, hint), index);
    return type == NULL;
}

static void apply_intervals(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    _Static_assert(LUNA_INTERVALS_MAX == 8, "the message says 8");
    size_t count = json_array_size(value);
    request->interval_count = 0;
    if (!json_is_array(value)) {
        fault(faults, "intervals", "list_type", "Input should be a valid list",
              "a list of probabilities, such as [0.8, 0.95]");
    } else if (count > LUNA_INTERVALS_MAX) {
        const char *msg = luna_arena_printf(
            faults->arena, "List should have at most 8 items after validation, not %zu", count);
        fault(faults, "intervals", "too_long", msg, "request the others separately");
    } else {
        for (size_t i = 0; i < count; i++) {
            json_t *item = json_array_get(value, i);
            assert(request->interval_count < LUNA_INTERVALS_MAX);
            if (check_interval(item, i, request, faults))
                request->intervals[request->interval_count++] = json_number_value(item);
        }
    }
}

static void apply_include(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    static const char *const words[] = {"model", "variance",        "innovations", "diagnostics",
                                        "input", "standard_errors", "covariance"};
    /* errors without the estimates that they belong to would say nothing */
    static const unsigned bits[] = {LUNA_INCLUDE_MODEL,
                                    LUNA_INCLUDE_VARIANCE,
                                    LUNA_INCLUDE_INNOVATIONS,
                                    LUNA_INCLUDE_DIAGNOSTICS,
                                    LUNA_INCLUDE_INPUT,
                                    LUNA_INCLUDE_MODEL | LUNA_INCLUDE_STANDARD_ERRORS,
                                    LUNA_INCLUDE_MODEL | LUNA_INCLUDE_STANDARD_ERRORS |
                                        LUNA_INCLUDE_COVARIANCE};
    request->include = 0;
    if (!json_is_array(value)) {
        fault(faults, "include", "list_type", "Input should be a valid list",
              "a list of words, such as [\"model\", \"variance\"]");
        return;
    }
    for (size_t index = 0; index < json_array_size(value); index++) {
        json_t *item = json_array_get(value, index);
        size_t word = 0;
        while (word < sizeof words / sizeof words[0] && !string_is(item, words[word]))
            word++;
        if (word < sizeof words / sizeof words[0])
            request->include |= bits[word];
        else
            luna_fault_at_index(
                fault(faults, "include", "literal_error",
                      "Input should be 'model', 'variance', 'innovations', 'diagnostics', "
                      "'input', 'standard_errors' or 'covariance'",
                      "remove the unknown word"),
                index);
    }
}

/* One number, or an array of them, null standing for "fit this one". False after a fault. */
static bool read_numbers(json_t *value, const char *name, double *out, size_t count,
                         struct luna_faults *faults)
{
    bool is_array = json_is_array(value);
    bool ok = true;
    assert(is_array ? count <= json_array_size(value) : count == 1);
    for (size_t i = 0; i < count; i++) {
        json_t *item = is_array ? json_array_get(value, i) : value;
        out[i] = json_is_number(item) ? json_number_value(item) : (double)NAN;
        if (json_is_number(item) || json_is_null(item))
            continue;
        struct luna_fault *f =
            luna_faults_add(faults, "float_type", "Input should be a valid number",
                            "send a number, or null to have it estimated");
        luna_fault_at(luna_fault_at(luna_fault_at(f, "model"), "parameters"), name);
        if (is_array)
            luna_fault_at_index(f, i);
        ok = false;
    }
    return ok;
}

static void add_parameter(const char *key, json_t *value, struct luna_request *request,
                          struct luna_faults *faults)
{
    const char *name = luna_faults_quote(faults, key, strlen(key));
    bool is_array = json_is_array(value);
    size_t count = is_array ? json_array_size(value) : 1;
    double *values = luna_arena_calloc(faults->arena, count, sizeof *values);
    if (values == NULL || request->parameter_count == LUNA_PARAMETERS_MAX) {
        luna_fault_at(fault(faults, "model", "too_long",
                            "Dictionary has too many items after validation",
                            "no model has that many parameters"),
                      "parameters");
        return;
    }
    if (read_numbers(value, name, values, count, faults))
        request->parameters[request->parameter_count++] = (struct luna_parameter){
            .name = name, .values = values, .count = count, .is_array = is_array};
}

static void apply_parameters(json_t *value, struct luna_request *request,
                             struct luna_faults *faults)
{
    if (!json_is_object(value)) {
        luna_fault_at(fault(faults, "model", "dict_type", "Input should be a valid dictionary",
                            "names and values, such as {\"level_variance\": 1469.1}"),
                      "parameters");
        return;
    }
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at))
        add_parameter(json_object_iter_key(at), json_object_iter_value(at), request, faults);
}

static void add_setting(const char *key, json_t *value, struct luna_request *request,
                        struct luna_faults *faults)
{
    if (request->setting_count == LUNA_PARAMETERS_MAX) {
        fault(faults, "model", "too_long", "Dictionary has too many items after validation",
              "no model has that many settings");
        return;
    }
    request->settings[request->setting_count++] = (struct luna_model_setting){
        .name = luna_faults_quote(faults, key, strlen(key)),
        .value = json_is_number(value) ? json_number_value(value) : (double)NAN,
        .is_null = json_is_null(value)};
}

static void apply_model_name(json_t *value, struct luna_request *request,
                             struct luna_faults *faults)
{
    if (json_is_string(value))
        request->model_name =
            luna_faults_quote(faults, json_string_value(value), json_string_length(value));
    else
        luna_fault_at(fault(faults, "model", "string_type", "Input should be a valid string",
                            "the model's name, such as \"local_level\""),
                      "name");
}

/* A name alone, or an object: name, parameters, and whatever settings that model has. */
static void apply_model(json_t *value, struct luna_request *request, struct luna_faults *faults)
{
    request->parameter_count = 0;
    request->setting_count = 0;
    request->model_name = "local_level";
    request->model_is_name = json_is_string(value);
    if (request->model_is_name) {
        apply_model_name(value, request, faults);
        return;
    }
    if (!json_is_object(value)) {
        fault(faults, "model", "model_attributes_type",
              "Input should be a valid dictionary or object to extract fields from",
              "the model's name, or {\"name\": \"local_level\", \"parameters\": {...}}");
        return;
    }
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        const char *key = json_object_iter_key(at);
        json_t *item = json_object_iter_value(at);
        bool is_default = json_is_null(item);
        bool is_setting = strcmp(key, "name") != 0 && strcmp(key, "parameters") != 0 &&
                          strcmp(key, "transform") != 0;
        if (is_setting)
            add_setting(key, item, request, faults);
        else if (is_default)
            continue;
        else if (strcmp(key, "name") == 0)
            apply_model_name(item, request, faults);
        else if (strcmp(key, "transform") == 0)
            read_transform(item, request, at_model_transform, faults);
        else
            apply_parameters(item, request, faults);
    }
}

static const struct option options[] = {
    {"model", apply_model},
    {"output", apply_output},
    {"horizon", apply_horizon},
    {"intervals", apply_intervals},
    {"include", apply_include},
    {"robust", apply_robust},
    {"ljung_box_lags", apply_lags},
    {"transform", apply_transform},
    {"bias_adjust", apply_bias_adjust},
};

static const struct option *find_option(struct json_span name)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strlen(options[i].name) == name.len && memcmp(options[i].name, name.at, name.len) == 0)
            return &options[i];
    }
    return NULL;
}

/* The text is valid JSON, so jansson refuses only what it forbids beyond the grammar: a member
 * twice, a number that no double holds, a NUL in a string. Whatever else it says comes of a lack of
 * memory. */
static bool is_forbidden_value(enum json_error_code code)
{
    return code == json_error_duplicate_key || code == json_error_numeric_overflow ||
           code == json_error_null_character || code == json_error_null_byte_in_key;
}

static void fault_refused(const struct option *option, const json_error_t *error, size_t offset,
                          struct luna_faults *faults)
{
    if (json_error_code(error) == json_error_numeric_overflow) {
        fault(faults, option->name, "finite_number", "Input should be a finite number",
              "the largest magnitude of a double is about 1.8e308");
        return;
    }
    const char *hint = luna_arena_printf(faults->arena, "in \"%s\": %s", option->name, error->text);
    size_t at = offset + (error->position > 0 ? (size_t)error->position : 0);
    luna_fault_at_index(luna_faults_add(faults, "json_invalid", "JSON decode error", hint), at);
}

static void fault_unknown(struct json_span name, const char *names_hint, struct luna_faults *faults)
{
    struct luna_suggestion meant = {.typed = name.at, .typed_len = name.len};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        luna_suggest_compare(&meant, options[i].name, strlen(options[i].name));
    if (strstr(names_hint, "results") != NULL) /* a member, but not an option */
        luna_suggest_compare(&meant, "results", strlen("results"));
    luna_fault_at(luna_faults_add(faults, "extra_forbidden", "Extra inputs are not permitted",
                                  luna_faults_suggest(faults, &meant, names_hint)),
                  luna_faults_quote(faults, name.at, name.len));
}

bool option_apply(struct json_span name, struct json_span value, size_t offset,
                  const char *names_hint, struct luna_request *request, struct luna_faults *faults)
{
    assert(value.len > 0); /* a whole value, as the scanner found it */
    const struct option *option = find_option(name);
    if (option == NULL) {
        fault_unknown(name, names_hint, faults);
        return true;
    }
    if (value.len > OPTION_BYTES_MAX) {
        const char *msg =
            luna_arena_printf(faults->arena, "Data should have at most %d bytes", OPTION_BYTES_MAX);
        fault(faults, option->name, "bytes_too_long", msg, "shorten the value of this option");
        return true;
    }
    /* jansson leaves the code as it is when it runs out of memory early */
    json_error_t error = {.line = 0};
    /* Integers as reals: a client may write 12 or 12.0, and 99999999999999999999 is then too
     * large, not unreadable. */
    json_t *json =
        json_loadb(value.at, value.len,
                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    if (json == NULL && !is_forbidden_value(json_error_code(&error)))
        return false;
    if (json == NULL) {
        fault_refused(option, &error, offset, faults);
        return true;
    }
    if (!json_is_null(json)) { /* which stands for the default */
        request->has_options = true;
        option->apply(json, request, faults);
    }
    json_decref(json);
    return true;
}
