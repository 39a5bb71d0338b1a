#include "run/model_spec.h"

#include "luna/modelling/model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A list of the catalogue's names for a hint or a literal_error: 'a', 'b' or 'c'. */
enum { NAMES_BYTES_MAX = 1024 };

static struct luna_fault *fault_model(struct luna_faults *faults, const char *type, const char *msg,
                                      const char *hint, const char *name)
{
    return luna_fault_at(luna_fault_at(luna_faults_add(faults, type, msg, hint), "model"), name);
}

static struct luna_fault *fault_parameter(struct luna_faults *faults, const char *type,
                                          const char *msg, const char *hint, const char *name)
{
    return luna_fault_at(fault_model(faults, type, msg, hint, "parameters"), name);
}

static bool is_served(const struct kalman_kind_info *info)
{
    return info->kind != KALMAN_CUSTOM; /* matrices are for programs, not for a JSON body */
}

static void fault_unknown_model(const struct luna_request *request, struct luna_faults *faults)
{
    char text[NAMES_BYTES_MAX];
    const char *name = request->model_name;
    struct luna_suggestion meant = {.typed = name, .typed_len = strlen(name)};
    size_t used = 0;
    const struct kalman_kind_info *info = NULL;
    for (size_t i = 0; (info = kalman_kind_at(i)) != NULL && used < sizeof text; i++) {
        if (!is_served(info))
            continue;
        const struct kalman_kind_info *next = kalman_kind_at(i + 1);
        bool first = used == 0, last = next == NULL;
        luna_suggest_compare(&meant, info->name, strlen(info->name));
        int wrote = snprintf(text + used, sizeof text - used, "%s'%s'",
                             first  ? ""
                             : last ? " or "
                                    : ", ",
                             info->name);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    const char *msg = luna_arena_printf(faults->arena, "Input should be %s", text);
    const char *hint = luna_faults_suggest(faults, &meant, "omit the model to use local_level");
    struct luna_fault *fault =
        luna_fault_at(luna_faults_add(faults, "literal_error", msg, hint), "model");
    if (!request->model_is_name)
        luna_fault_at(fault, "name");
}

static const struct kalman_setting_info *find_setting(const struct kalman_kind_info *info,
                                                      const char *name)
{
    for (const struct kalman_setting_info *s = info->settings; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

static const struct kalman_parameter_info *find_parameter(const struct kalman_kind_info *info,
                                                          const char *name)
{
    for (const struct kalman_parameter_info *p = info->parameters; p->name != NULL; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

static void append(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    assert(used < size);
    snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", word);
}

static void fault_unknown_setting(const struct kalman_kind_info *info, const char *name,
                                  struct luna_faults *faults)
{
    char names[NAMES_BYTES_MAX] = "";
    struct luna_suggestion meant = {.typed = name, .typed_len = strlen(name)};
    for (const struct kalman_setting_info *s = info->settings; s->name != NULL; s++) {
        append(names, sizeof names, s->name);
        luna_suggest_compare(&meant, s->name, strlen(s->name));
    }
    const char *hint =
        find_parameter(info, name) != NULL
            ? luna_arena_printf(faults->arena, "\"%s\" is a parameter: put it into \"parameters\"",
                                name)
            : luna_arena_printf(faults->arena, "settings of %s: %s", info->name,
                                names[0] != '\0' ? names : "none");
    fault_model(faults, "extra_forbidden", "Extra inputs are not permitted",
                luna_faults_suggest(faults, &meant, hint), name);
}

static void fault_unknown_parameter(const struct kalman_kind_info *info, const char *name,
                                    struct luna_faults *faults)
{
    char names[NAMES_BYTES_MAX] = "";
    struct luna_suggestion meant = {.typed = name, .typed_len = strlen(name)};
    for (const struct kalman_parameter_info *p = info->parameters; p->name != NULL; p++) {
        append(names, sizeof names, p->name);
        luna_suggest_compare(&meant, p->name, strlen(p->name));
    }
    const char *hint =
        find_setting(info, name) != NULL
            ? luna_arena_printf(faults->arena, "\"%s\" is a setting: put it beside \"name\"", name)
            : luna_arena_printf(faults->arena, "parameters of %s: %s", info->name,
                                names[0] != '\0' ? names : "none");
    fault_parameter(faults, "extra_forbidden", "Extra inputs are not permitted",
                    luna_faults_suggest(faults, &meant, hint), name);
}

static bool set_setting(const struct kalman_kind_info *info,
                        const struct luna_model_setting *setting, struct kalman_spec *spec,
                        struct luna_faults *faults)
{
    const struct kalman_setting_info *s = find_setting(info, setting->name);
    double value = setting->value;
    if (s == NULL) {
        fault_unknown_setting(info, setting->name, faults);
        return false;
    }
    if (setting->is_null)
        return true;
    const char *type = NULL, *msg = NULL;
    if (isnan(value)) {
        type = "int_type";
        msg = "Input should be a valid integer";
    } else if (value < s->minimum) {
        type = "greater_than_equal";
        msg = luna_arena_printf(faults->arena, "Input should be greater than or equal to %d",
                                s->minimum);
    } else if (value > s->maximum) {
        type = "less_than_equal";
        msg = luna_arena_printf(faults->arena, "Input should be less than or equal to %d",
                                s->maximum);
    } else if (value != floor(value)) {
        type = "int_from_float";
        msg = "Input should be a valid integer, got a number with a fractional part";
    } else if (kalman_spec_set_int(spec, s->name, (int)value) != KALMAN_OK) {
        type = "value_error";
        msg = "Value error, the model does not accept this setting";
    }
    if (type != NULL)
        fault_model(faults, type, msg, s->description, s->name);
    return type == NULL;
}

/* With another value than null? */
static bool has_setting(const struct luna_request *request, const char *name)
{
    for (size_t i = 0; i < request->setting_count; i++)
        if (strcmp(request->settings[i].name, name) == 0)
            return !request->settings[i].is_null;
    return false;
}

/* Where no double holds a variance, it is a value × 2^variance_exponent: answers have it so, and
 * take it back. */
static bool set_exponent(const struct luna_model_setting *setting, struct kalman_spec *spec,
                         struct luna_faults *faults)
{
    enum { EXPONENT_MAX = 4000 };
    double value = setting->is_null ? 0 : setting->value;
    if (value == floor(value) && fabs(value) <= EXPONENT_MAX) {
        spec->variance_exponent = (int)value;
        return true;
    }
    fault_model(faults, "value_error",
                "Value error, the exponent of two is a whole number from -4000 to 4000",
                "omit it where doubles hold the variances", setting->name);
    return false;
}

static bool set_settings(const struct kalman_kind_info *info, const struct luna_request *request,
                         struct kalman_spec *spec, struct luna_faults *faults)
{
    bool ok = true;
    for (size_t i = 0; i < request->setting_count; i++)
        ok = (strcmp(request->settings[i].name, "variance_exponent") == 0
                  ? set_exponent(&request->settings[i], spec, faults)
                  : set_setting(info, &request->settings[i], spec, faults)) &&
             ok;
    for (const struct kalman_setting_info *s = info->settings; s->name != NULL; s++) {
        if (s->required != 0 && !has_setting(request, s->name)) {
            fault_model(faults, "missing", "Field required", s->description, s->name);
            ok = false;
        }
    }
    return ok;
}

/* Lengths of arrays depend on the settings, so this comes after them. */
static bool check_length(const struct kalman_kind_info *info, const struct kalman_parameter_info *p,
                         const struct luna_parameter *given, const struct kalman_spec *spec,
                         struct luna_faults *faults)
{
    size_t offset = 0, count = 0;
    if (kalman_spec_locate(spec, p->name, &offset, &count) != KALMAN_OK)
        count = 0;
    const char *setting = p->length != NULL ? p->length : p->enabled_by;
    const char *type = NULL, *msg = NULL, *hint = p->description;
    if (count == 0) {
        type = "extra_forbidden";
        msg = "Extra inputs are not permitted";
        hint = luna_arena_printf(faults->arena,
                                 "%s has this parameter only when \"%s\" is more than 0",
                                 info->name, setting != NULL ? setting : "a setting");
    } else if (p->length == NULL && given->is_array) {
        type = "float_type";
        msg = "Input should be a valid number";
    } else if (p->length != NULL && given->count != count) {
        type = given->count < count ? "too_short" : "too_long";
        msg =
            luna_arena_printf(faults->arena, "List should have %zu items after validation, not %zu",
                              count, given->count);
        hint =
            luna_arena_printf(faults->arena, "send as many values as \"%s\" specifies", p->length);
    }
    if (type != NULL)
        fault_parameter(faults, type, msg, hint, p->name);
    return type == NULL;
}

static bool check_value(const struct kalman_parameter_info *p, const struct luna_parameter *given,
                        size_t index, struct luna_faults *faults)
{
    assert(index < given->count);
    double value = given->values[index];
    const char *type = NULL, *msg = NULL;
    bool strictly = p->domain == KALMAN_DOMAIN_POSITIVE && p->lower == 0.0;
    if (isnan(value))
        return true;
    if (strictly && value <= 0) {
        type = "greater_than";
        msg = "Input should be greater than 0";
    } else if (value < p->lower) {
        type = "greater_than_equal";
        msg = luna_arena_printf(faults->arena, "Input should be greater than or equal to %d",
                                (int)p->lower);
    } else if (value > p->upper) {
        type = "less_than_equal";
        msg = luna_arena_printf(faults->arena, "Input should be less than or equal to %d",
                                (int)p->upper);
    }
    if (type == NULL)
        return true;
    struct luna_fault *fault = fault_parameter(faults, type, msg, p->description, p->name);
    if (given->is_array)
        luna_fault_at_index(fault, index);
    return false;
}

static bool set_parameter(const struct kalman_kind_info *info, const struct luna_parameter *given,
                          struct kalman_spec *spec, struct luna_faults *faults)
{
    const struct kalman_parameter_info *p = find_parameter(info, given->name);
    if (p == NULL) {
        fault_unknown_parameter(info, given->name, faults);
        return false;
    }
    if (!check_length(info, p, given, spec, faults))
        return false;
    bool ok = true;
    for (size_t i = 0; i < given->count; i++)
        ok = check_value(p, given, i, faults) && ok;
    if (!ok || (p->length == NULL && isnan(given->values[0])))
        return ok;
    enum kalman_status status =
        p->length != NULL ? kalman_spec_set_array(spec, p->name, given->values, given->count)
                          : kalman_spec_set(spec, p->name, given->values[0]);
    if (status == KALMAN_OK)
        return true;
    const char *msg =
        p->domain == KALMAN_DOMAIN_STATIONARY   ? "Value error, the coefficients are not stationary"
        : p->domain == KALMAN_DOMAIN_INVERTIBLE ? "Value error, the coefficients are not invertible"
                                                : "Value error, outside the parameter's domain";
    fault_parameter(faults, "value_error", msg, p->description, p->name);
    return false;
}

void model_spec_fault(const struct luna_request *request, struct luna_faults *faults,
                      const char *name, const char *msg)
{
    const struct kalman_kind_info *info = kalman_kind_by_name(request->model_name);
    const struct kalman_setting_info *setting =
        info != NULL && name != NULL ? find_setting(info, name) : NULL;
    const char *text = luna_arena_printf(faults->arena, "Value error, %s", msg);
    if (name == NULL || info == NULL)
        luna_fault_at(
            luna_faults_add(faults, "value_error", text, "choose another model or other settings"),
            "model");
    else if (setting != NULL)
        fault_model(faults, "value_error", text, setting->description, name);
    else
        fault_parameter(faults, "value_error", text, "omit the parameter to have it estimated",
                        name);
}

const char *luna_model_name(int number)
{
    const struct kalman_kind_info *info =
        number >= 0 ? kalman_kind_describe((enum kalman_kind)number) : NULL;
    return info != NULL && is_served(info) ? info->name : NULL;
}

int luna_model_number(const char *name)
{
    const struct kalman_kind_info *info = kalman_kind_by_name(name);
    return info != NULL && is_served(info) ? (int)info->kind : -1;
}

/* ARIMA has an unknown mean unless the request says otherwise, or differences take it away: a
 * forecast that decays to zero is of a series that never was about zero. */
static void default_mean(const struct luna_request *request, struct kalman_spec *spec)
{
    if (spec->kind == KALMAN_ARIMA && !has_setting(request, "mean") &&
        kalman_spec_get_int(spec, "d") == 0 && kalman_spec_get_int(spec, "D") == 0)
        (void)!kalman_spec_set_int(spec, "mean", 1);
}

bool model_spec_build(const struct luna_request *request, struct luna_faults *faults,
                      struct kalman_spec *ret_spec)
{
    const struct kalman_kind_info *info = kalman_kind_by_name(request->model_name);
    if (info == NULL || !is_served(info)) {
        fault_unknown_model(request, faults);
        return false;
    }
    struct kalman_spec spec;
    kalman_spec_init(&spec, info->kind);
    bool settings_fit = set_settings(info, request, &spec, faults);
    bool ok = settings_fit;
    default_mean(request, &spec);
    for (size_t i = 0; i < request->parameter_count; i++) {
        const struct luna_parameter *given = &request->parameters[i];
        /* With wrong settings nothing is known of a parameter but whether there can be one of
         * that name. */
        if (settings_fit || find_parameter(info, given->name) == NULL)
            ok = set_parameter(info, given, &spec, faults) && ok;
    }
    const char *name = NULL;
    if (ok && kalman_spec_check(&spec, 0, &name) != KALMAN_OK) {
        model_spec_fault(request, faults, name,
                         "the settings and parameters contradict each other");
        ok = false;
    }
    if (ok)
        *ret_spec = spec;
    return ok;
}
