#include "json_oracle.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static bool says_invalid(const struct luna_faults *faults)
{
    return faults->count > 0 && strcmp(faults->list[0].type, "json_invalid") == 0;
}

/* Tells -0 from 0. */
static bool same_bits(double a, double b)
{
    uint64_t bits_a, bits_b;
    memcpy(&bits_a, &a, sizeof a);
    memcpy(&bits_b, &b, sizeof b);
    return bits_a == bits_b;
}

static const char *compare_values(const json_t *results, const struct luna_request *request)
{
    if (!json_is_array(results) || json_array_size(results) != request->n)
        return "the arrays differ in length";
    for (size_t i = 0; i < request->n; i++) {
        const json_t *item = json_array_get(results, i);
        double value = json_number_value(item);
        if (json_is_null(item) != isnan(request->values[i]))
            return "a null differs";
        if (!json_is_null(item) && !same_bits(value, request->values[i]))
            return "a number differs";
    }
    return NULL;
}

const char *json_oracle_objection(const char *body, size_t len, bool accepted,
                                  const struct luna_request *request,
                                  const struct luna_faults *faults)
{
    /* jansson 2.14 overlooks one behind a number */
    if (len > 0 && memchr(body, '\0', len) != NULL)
        return accepted ? "a NUL byte was accepted" : NULL;
    json_error_t error;
    json_t *root = json_loadb(
        body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    const char *objection = NULL;
    if (root == NULL && accepted)
        objection = "jansson refuses what was accepted";
    else if (root != NULL && says_invalid(faults))
        objection = "jansson reads what was called invalid JSON";
    else if (root == NULL && len > 0 && !says_invalid(faults)) {
        /* jansson counts these as syntax; here they are values that a model cannot take, or
         * never looked at. */
        enum json_error_code code = json_error_code(&error);
        bool allowed = code == json_error_numeric_overflow || code == json_error_null_character ||
                       code == json_error_null_byte_in_key || code == json_error_duplicate_key;
        objection = allowed ? NULL : "jansson calls invalid what got other faults";
    } else if (root != NULL && accepted) {
        objection = compare_values(json_object_get(root, "results"), request);
    }
    json_decref(root);
    return objection;
}
