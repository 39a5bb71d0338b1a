#include "luna/modelling/encode.h"

#include "luna/modelling/number.h"

#include <assert.h>
#include <math.h>

struct table {
    const struct luna_request *request;
    const struct luna_result *result;
    int precision;
    struct luna_buf *out;
};

/* One field with what stands before it; an undefined number is an empty field. */
static void put_field(const struct table *t, const char *before, double value, int precision)
{
    luna_buf_puts(t->out, before);
    if (!isfinite(value))
        return;
    char *at = luna_buf_reserve(t->out, LUNA_NUMBER_TEXT_BYTES);
    if (at != NULL)
        luna_buf_advance(t->out, luna_number_print(value, precision, at));
}

static void put_header(const struct table *t)
{
    luna_buf_puts(t->out, "value,processed");
    if (t->result->variance != NULL)
        luna_buf_puts(t->out, ",variance");
    for (size_t i = 0; i < t->request->interval_count; i++) {
        put_field(t, ",lower_", t->request->intervals[i], 0);
        put_field(t, ",upper_", t->request->intervals[i], 0);
    }
    if (t->result->innovations != NULL)
        luna_buf_puts(t->out, ",innovation,innovation_variance");
    luna_buf_puts(t->out, "\r\n");
}

static void put_point(const struct table *t, size_t i)
{
    const struct luna_result *result = t->result;
    assert(i < result->n && result->n == t->request->n);
    put_field(t, "", t->request->values[i], 0);
    put_field(t, ",", result->processed[i], t->precision);
    if (result->variance != NULL)
        put_field(t, ",", result->variance[i], t->precision);
    for (size_t k = 0; k < t->request->interval_count; k++) {
        put_field(t, ",", result->lower[k][i], t->precision);
        put_field(t, ",", result->upper[k][i], t->precision);
    }
    if (result->innovations != NULL) {
        put_field(t, ",", result->innovations[i], t->precision);
        put_field(t, ",", result->innovation_variance[i], t->precision);
    }
    luna_buf_puts(t->out, "\r\n");
}

static void put_forecast(const struct table *t, size_t i)
{
    const struct luna_forecast *forecast = &t->result->forecast;
    assert(i < forecast->horizon);
    put_field(t, ",", forecast->mean[i], t->precision);
    if (t->result->variance != NULL)
        put_field(t, ",", forecast->variance[i], t->precision);
    for (size_t k = 0; k < t->request->interval_count; k++) {
        put_field(t, ",", forecast->lower[k][i], t->precision);
        put_field(t, ",", forecast->upper[k][i], t->precision);
    }
    luna_buf_puts(t->out, t->result->innovations != NULL ? ",,\r\n" : "\r\n");
}

void luna_encode_csv(const struct luna_request *request, const struct luna_result *result,
                     int precision, struct luna_buf *out)
{
    const struct table t = {
        .request = request, .result = result, .precision = precision, .out = out};
    put_header(&t);
    for (size_t i = 0; i < result->n && !out->overflow; i++)
        put_point(&t, i);
    for (size_t i = 0; i < result->forecast.horizon && !out->overflow; i++)
        put_forecast(&t, i);
}
