#include "luna/modelling/octets.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static double double_at(const char *bytes)
{
    uint64_t bits;
    memcpy(&bits, bytes, sizeof bits);
    bits = le64toh(bits);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double swapped_at(const char *bytes)
{
    char swapped[sizeof(double)];
    for (size_t i = 0; i < sizeof swapped; i++)
        swapped[i] = bytes[sizeof swapped - 1 - i];
    return double_at(swapped);
}

static bool has_room(size_t len, const struct luna_request_limits *limits)
{
    return len / sizeof(double) <= limits->points_max;
}

/* Text is no doubles, though its length may fit: in doubles of measurements not every byte is
 * printable. */
static bool is_text(const char *body, size_t len)
{
    enum { LOOKED_AT = 256, LEAST = 2 * sizeof(double) };
    size_t at = 0;
    while (at < len && at < LOOKED_AT &&
           ((body[at] >= ' ' && body[at] <= '~') || (body[at] >= '\t' && body[at] <= '\r')))
        at++;
    bool starts_json = len > 0 && (body[0] == '{' || body[0] == '[');
    return (at == len || at == LOOKED_AT) && (len >= LEAST || starts_json);
}

/* A value that people measure, or a missing one. */
static bool is_usual(double value)
{
    return isnan(value) || value == 0 || (fabs(value) > 1e-30 && fabs(value) < 1e30);
}

enum { NUMBERS_LOOKED_AT = 256 };

/* Whole numbers of other kinds, read as doubles, are below any normal one. */
static bool are_integers(const char *body, size_t n)
{
    bool tiny = n > 1, zero = true;
    for (size_t i = 0; i < n && i < NUMBERS_LOOKED_AT && tiny; i++) {
        int class = fpclassify(double_at(body + i * sizeof(double)));
        tiny = class == FP_ZERO || class == FP_SUBNORMAL;
        zero = zero && class == FP_ZERO;
    }
    return tiny && !zero;
}

static bool are_swapped(const char *body, size_t n)
{
    enum { LEAST = 4 };
    bool swapped = n >= LEAST, usual = true;
    for (size_t i = 0; i < n && i < NUMBERS_LOOKED_AT && swapped; i++) {
        swapped = is_usual(swapped_at(body + i * sizeof(double)));
        usual = usual && is_usual(double_at(body + i * sizeof(double)));
    }
    return swapped && !usual;
}

/* The lower half of a double is as good as random, or zero: as a float, its exponent is not always
 * near that of the upper half. */
static bool are_floats(const char *body, size_t n)
{
    enum { LEAST = 8, NEAR = 20 };
    int least = INT_MAX, most = INT_MIN;
    for (size_t i = 0; i < 2 * n && i < NUMBERS_LOOKED_AT; i++) {
        uint32_t bits;
        memcpy(&bits, body + i * sizeof bits, sizeof bits);
        int exponent = (int)(le32toh(bits) >> 23 & 0xff);
        if (exponent == 0 || exponent == 0xff)
            return false;
        least = exponent < least ? exponent : least;
        most = exponent > most ? exponent : most;
    }
    return n >= LEAST && most - least <= NEAR;
}

/* What programs write when nobody says which numbers. NULL: doubles, as far as can be seen. */
static const char *hint_other_numbers(const char *body, size_t len)
{
    size_t n = len / sizeof(double);
    if (are_swapped(body, n))
        return "these are big-endian doubles; in NumPy: values.astype(\"<f8\").tobytes()";
    if (are_integers(body, n))
        return "these are integers, or big-endian doubles; in NumPy: "
               "values.astype(\"<f8\").tobytes()";
    if (are_floats(body, n))
        return "these are floats of 32 bits; in NumPy: values.astype(\"<f8\").tobytes()";
    return NULL;
}

static void fault_text(const char *body, struct luna_faults *faults)
{
    bool is_json = body[0] == '{' || body[0] == '[';
    luna_faults_add(faults, "value_error", "Value error, the body is text, not doubles",
                    is_json ? "send it with Content-Type: application/json"
                            : "send it with Content-Type: text/csv or application/x-ndjson");
}

static void check_numbers(const char *body, size_t len, struct luna_faults *faults)
{
    const char *hint = hint_other_numbers(body, len);
    if (hint != NULL)
        luna_faults_add(faults, "value_error",
                        "Value error, the body is not little-endian doubles of 8 bytes", hint);
}

static bool check_shape(const char *body, size_t len, const struct luna_request_limits *limits,
                        struct luna_faults *faults)
{
    if (len == 0)
        luna_faults_add(faults, "too_short", "The series should have at least 1 item, not 0",
                        "send at least one double of 8 bytes");
    else if (is_text(body, len))
        fault_text(body, faults);
    else if (len % sizeof(double) != 0)
        luna_faults_add(faults, "value_error",
                        "The length of the body is not a multiple of 8 bytes",
                        "send IEEE 754 doubles, little-endian, 8 bytes each, and nothing else");
    else if (!has_room(len, limits))
        luna_faults_add(faults, "too_long",
                        luna_arena_printf(faults->arena,
                                          "The series should have at most %zu items, not %zu",
                                          limits->points_max, len / sizeof(double)),
                        "send fewer points in one request");
    else
        check_numbers(body, len, faults);
    return faults->count == 0;
}

enum luna_decode_status luna_decode_octets(const char *body, size_t len,
                                           const struct luna_request_limits *limits,
                                           struct luna_arena *arena,
                                           struct luna_request *ret_request,
                                           struct luna_faults *faults)
{
    if (!check_shape(body, len, limits, faults))
        return has_room(len, limits) ? LUNA_DECODE_FAULTS : LUNA_DECODE_LONG;
    size_t n = len / sizeof(double);
    assert(n > 0 && n * sizeof(double) == len);
    double *values = luna_arena_alloc(arena, len);
    if (values == NULL)
        return LUNA_DECODE_MEMORY;
    for (size_t i = 0; i < n && !faults->more; i++) {
        values[i] = double_at(body + i * sizeof(double));
        if (isinf(values[i]))
            luna_fault_at_index(luna_faults_add(faults, "finite_number",
                                                "Input should be a finite number",
                                                "send NaN for a missing observation"),
                                i);
    }
    if (faults->count > 0)
        return LUNA_DECODE_FAULTS;
    luna_request_init(ret_request);
    ret_request->values = values;
    ret_request->values_own = values;
    ret_request->n = n;
    return LUNA_DECODE_OK;
}

static void put_double(double value, char *at)
{
    double finite = isfinite(value) ? value : (double)NAN;
    uint64_t bits;
    memcpy(&bits, &finite, sizeof bits);
    bits = htole64(bits);
    memcpy(at, &bits, sizeof bits);
}

/* In runs, so that a buffer with a drain needs no more room than it has. */
static void put_doubles(const double *values, size_t n, struct luna_buf *out)
{
    enum { RUN = 256 };
    for (size_t first = 0; first < n; first += RUN) {
        size_t run = n - first < RUN ? n - first : RUN;
        char *at = luna_buf_reserve(out, run * sizeof(double));
        if (at == NULL)
            return;
        for (size_t i = 0; i < run; i++)
            put_double(values[first + i], at + i * sizeof(double));
        luna_buf_advance(out, run * sizeof(double));
    }
}

void luna_encode_octets(const struct luna_result *result, struct luna_buf *out)
{
    put_doubles(result->processed, result->n, out);
    if (result->forecast.horizon > 0)
        put_doubles(result->forecast.mean, result->forecast.horizon, out);
}
