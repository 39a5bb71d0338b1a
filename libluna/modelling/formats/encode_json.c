#include "luna/modelling/encode.h"

#include "luna/modelling/number.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

struct writer {
    struct luna_buf *out;
    int precision;
};

static void put_number(struct writer w, double value)
{
    if (!isfinite(value)) {
        luna_buf_append(w.out, "null", 4);
        return;
    }
    char *at = luna_buf_reserve(w.out, LUNA_NUMBER_TEXT_BYTES);
    if (at != NULL)
        luna_buf_advance(w.out, luna_number_print(value, w.precision, at));
}

/* Room is reserved for many numbers at once: a check of the buffer for each would cost as much
 * as a short number. */
static void put_array(struct writer w, const double *values, size_t n)
{
    enum { RUN = 64, ITEM_BYTES = LUNA_NUMBER_TEXT_BYTES + 1 };
    luna_buf_putc(w.out, '[');
    for (size_t i = 0; i < n; i += RUN) {
        size_t run = n - i < RUN ? n - i : RUN;
        if (i > 0)
            luna_buf_putc(w.out, ',');
        char *at = luna_buf_reserve(w.out, run * ITEM_BYTES);
        if (at == NULL)
            return;
        luna_buf_advance(w.out, luna_number_print_list(values + i, run, w.precision, at));
    }
    luna_buf_putc(w.out, ']');
}

static void put_member(struct writer w, const char *name)
{
    luna_buf_putc(w.out, '"');
    luna_buf_puts(w.out, name);
    luna_buf_append(w.out, "\":", 2);
}

static void put_text(struct writer w, const char *text)
{
    luna_buf_put_json_string(w.out, text, strlen(text));
}

static void put_input(struct writer w, const struct luna_request *request)
{
    put_member(w, "input_data");
    if (request->input != NULL)
        luna_buf_append(w.out, request->input, request->input_len);
    else
        put_array((struct writer){.out = w.out}, request->values, request->n);
}

static void put_intervals(struct writer w, const struct luna_request *request,
                          const double *const *lower, const double *const *upper, size_t n)
{
    assert(request->interval_count <= LUNA_INTERVALS_MAX);
    put_member(w, "intervals");
    luna_buf_putc(w.out, '[');
    for (size_t i = 0; i < request->interval_count; i++) {
        luna_buf_puts(w.out, i > 0 ? ",{\"level\":" : "{\"level\":");
        put_number((struct writer){.out = w.out}, request->intervals[i]);
        luna_buf_puts(w.out, ",\"lower\":");
        put_array(w, lower[i], n);
        luna_buf_puts(w.out, ",\"upper\":");
        put_array(w, upper[i], n);
        luna_buf_putc(w.out, '}');
    }
    luna_buf_putc(w.out, ']');
}

static void put_innovations(struct writer w, const struct luna_result *result)
{
    put_member(w, "innovations");
    luna_buf_puts(w.out, "{\"values\":");
    put_array(w, result->innovations, result->n);
    luna_buf_puts(w.out, ",\"variance\":");
    put_array(w, result->innovation_variance, result->n);
    luna_buf_putc(w.out, '}');
}

static void put_forecast(struct writer w, const struct luna_request *request,
                         const struct luna_forecast *forecast)
{
    put_member(w, "forecast");
    luna_buf_puts(w.out, "{\"mean\":");
    put_array(w, forecast->mean, forecast->horizon);
    luna_buf_puts(w.out, ",\"variance\":");
    put_array(w, forecast->variance, forecast->horizon);
    if (request->interval_count > 0) {
        luna_buf_putc(w.out, ',');
        put_intervals(w, request, forecast->lower, forecast->upper, forecast->horizon);
    }
    luna_buf_putc(w.out, '}');
}

static void put_settings(struct writer w, const struct luna_model_setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        luna_buf_putc(w.out, ',');
        put_member(w, settings[i].name);
        put_number((struct writer){.out = w.out}, settings[i].value);
    }
}

static void put_transform(struct writer w, const struct luna_transform *transform)
{
    if (transform->kind == LUNA_TRANSFORM_LOG) {
        luna_buf_puts(w.out, ",\"transform\":\"log\"");
    } else if (transform->kind == LUNA_TRANSFORM_BOX_COX) {
        luna_buf_puts(w.out, ",\"transform\":{\"box_cox\":");
        put_number((struct writer){.out = w.out}, transform->lambda);
        luna_buf_putc(w.out, '}');
    }
}

/* In the shape of the request's own `model`, so that a client may send it back and get the same
 * filter again; hence exact, whatever the precision asked for. */
static void put_model(struct writer w, const struct luna_result *result)
{
    assert(result->model_name != NULL);
    struct writer exact = {.out = w.out};
    put_member(w, "model");
    luna_buf_puts(w.out, "{\"name\":");
    put_text(w, result->model_name);
    put_settings(w, result->settings, result->setting_count);
    put_transform(w, &result->transform);
    if (result->variance_exponent != 0)
        luna_buf_printf(w.out, ",\"variance_exponent\":%d", result->variance_exponent);
    luna_buf_puts(w.out, ",\"parameters\":{");
    for (size_t i = 0; i < result->parameter_count; i++) {
        const struct luna_parameter *p = &result->parameters[i];
        if (i > 0)
            luna_buf_putc(w.out, ',');
        put_member(w, p->name);
        if (p->is_array)
            put_array(exact, p->values, p->count);
        else
            put_number(exact, p->values[0]);
    }
    luna_buf_puts(w.out, "}}");
}

static void put_named(struct writer w, const char *name, double value)
{
    luna_buf_putc(w.out, ',');
    put_member(w, name);
    put_number(w, value);
}

/* What a choice compared, as models with what it compared them by. */
static void put_candidates(struct writer w, const struct luna_result *result)
{
    luna_buf_puts(w.out, ",\"candidates\":[");
    for (size_t i = 0; i < result->candidate_count; i++) {
        const struct luna_candidate *candidate = &result->candidates[i];
        luna_buf_puts(w.out, i > 0 ? ",{\"model\":{\"name\":" : "{\"model\":{\"name\":");
        put_text(w, candidate->model_name);
        put_settings(w, candidate->settings, candidate->setting_count);
        put_transform(w, &(struct luna_transform){.kind = candidate->transform});
        luna_buf_putc(w.out, '}');
        put_named(w, "aicc", candidate->aicc);
        luna_buf_puts(w.out, ",\"status\":");
        put_text(w, candidate->fit_status);
        luna_buf_putc(w.out, '}');
    }
    luna_buf_putc(w.out, ']');
}

static void put_warnings(struct writer w, const struct luna_result *result)
{
    luna_buf_puts(w.out, ",\"warnings\":[");
    for (size_t i = 0; i < result->warning_count; i++) {
        if (i > 0)
            luna_buf_putc(w.out, ',');
        put_text(w, result->warnings[i]);
    }
    luna_buf_putc(w.out, ']');
}

/* One number, or an array of them: as the parameter is. */
static void put_values(struct writer w, const char *name, const double *values,
                       const struct luna_estimate *estimate)
{
    put_member(w, name);
    if (estimate->is_array)
        put_array(w, values, estimate->count);
    else
        put_number(w, values[0]);
}

static void put_covariance(struct writer w, const struct luna_uncertainty *known)
{
    luna_buf_puts(w.out, ",\"covariance\":{\"names\":[");
    for (size_t i = 0; i < known->order; i++) {
        if (i > 0)
            luna_buf_putc(w.out, ',');
        put_text(w, known->names[i]);
    }
    luna_buf_puts(w.out, "],\"matrix\":[");
    for (size_t i = 0; i < known->order; i++) {
        if (i > 0)
            luna_buf_putc(w.out, ',');
        put_array(w, known->covariance + i * known->order, known->order);
    }
    luna_buf_puts(w.out, "]}");
}

static void put_uncertainty(struct writer w, const struct luna_uncertainty *known)
{
    luna_buf_puts(w.out, ",\"uncertainty\":{\"level\":");
    put_number((struct writer){.out = w.out}, known->level);
    luna_buf_puts(w.out, ",\"parameters\":{");
    for (size_t i = 0; i < known->count; i++) {
        const struct luna_estimate *estimate = &known->estimates[i];
        if (i > 0)
            luna_buf_putc(w.out, ',');
        put_member(w, estimate->name);
        luna_buf_putc(w.out, '{');
        put_values(w, "standard_error", estimate->standard_error, estimate);
        luna_buf_putc(w.out, ',');
        put_values(w, "lower", estimate->lower, estimate);
        luna_buf_putc(w.out, ',');
        put_values(w, "upper", estimate->upper, estimate);
        luna_buf_putc(w.out, '}');
    }
    luna_buf_putc(w.out, '}');
    if (known->covariance != NULL)
        put_covariance(w, known);
    luna_buf_putc(w.out, '}');
}

/* whole: all that is known of it; else what every answer with options says. */
static void put_fit(struct writer w, const struct luna_result *result, bool whole)
{
    put_member(w, "fit");
    luna_buf_puts(w.out, "{\"status\":");
    put_text(w, result->fit_status);
    if (whole) {
        put_named(w, "loglikelihood", result->loglikelihood);
        luna_buf_puts(w.out, ",\"loglikelihood_convention\":\"exact diffuse, all observations\"");
        put_named(w, "aicc", result->aicc);
        put_named(w, "signal_to_noise", result->signal_to_noise);
    }
    if (result->fit_reason != NULL) {
        luna_buf_puts(w.out, ",\"reason\":");
        put_text(w, result->fit_reason);
        put_candidates(w, result);
    }
    if (result->is_robust)
        luna_buf_printf(w.out, ",\"left_out\":%zu", result->left_out);
    if (result->uncertainty != NULL)
        put_uncertainty(w, result->uncertainty);
    put_warnings(w, result);
    luna_buf_putc(w.out, '}');
}

static void put_diagnostics(struct writer w, const struct luna_diagnostics *d)
{
    put_member(w, "diagnostics");
    luna_buf_printf(w.out, "{\"ljung_box_lags\":%d", d->ljung_box_lags);
    put_named(w, "ljung_box", d->ljung_box);
    put_named(w, "ljung_box_p", d->ljung_box_p);
    put_named(w, "skewness", d->skewness);
    put_named(w, "kurtosis", d->kurtosis);
    put_named(w, "jarque_bera", d->jarque_bera);
    put_named(w, "jarque_bera_p", d->jarque_bera_p);
    put_named(w, "heteroscedasticity", d->heteroscedasticity);
    put_named(w, "heteroscedasticity_p", d->heteroscedasticity_p);
    luna_buf_putc(w.out, '}');
}

/* Which part of the body was read. */
static void put_origin(struct writer w, const struct luna_request *request)
{
    luna_buf_putc(w.out, ',');
    put_member(w, "input");
    if (request->origin != NULL)
        luna_buf_puts(w.out, request->origin);
    else
        luna_buf_printf(w.out, "{\"rows\":%zu}", request->n);
}

static void put_series_options(struct writer w, const struct luna_request *request,
                               const struct luna_result *result)
{
    if (result->variance != NULL) {
        luna_buf_putc(w.out, ',');
        put_member(w, "variance");
        put_array(w, result->variance, result->n);
    }
    if (request->interval_count > 0) {
        luna_buf_putc(w.out, ',');
        put_intervals(w, request, result->lower, result->upper, result->n);
    }
    if (result->innovations != NULL) {
        luna_buf_putc(w.out, ',');
        put_innovations(w, result);
    }
    if (result->forecast.horizon > 0) {
        luna_buf_putc(w.out, ',');
        put_forecast(w, request, &result->forecast);
    }
}

void luna_encode_json(const struct luna_request *request, const struct luna_result *result,
                      int precision, struct luna_buf *out)
{
    struct writer w = {.out = out, .precision = precision};
    assert(result->n == request->n);
    luna_buf_putc(out, '{');
    if (request->id != NULL)
        luna_buf_printf(out, "\"id\":%s,", request->id);
    put_member(w, "processed_results");
    put_array(w, result->processed, result->n);
    luna_buf_putc(out, ',');
    put_input(w, request);
    put_series_options(w, request, result);
    if ((request->include & LUNA_INCLUDE_INPUT) != 0)
        put_origin(w, request);
    /* What was chosen is said to everybody who left the choice. */
    bool model = (request->include & LUNA_INCLUDE_MODEL) != 0, chosen = result->fit_reason != NULL;
    if (model || chosen) {
        luna_buf_putc(out, ',');
        put_model(w, result);
    }
    if (model || request->has_options) {
        luna_buf_putc(out, ',');
        put_fit(w, result, model || chosen);
    }
    if (result->diagnostics != NULL) {
        luna_buf_putc(out, ',');
        put_diagnostics(w, result->diagnostics);
    }
    luna_buf_putc(out, '}');
}
