/*
 * json_oracle.h: what jansson makes of a body, to hold the decoder against. For tests and fuzzers.
 */
#ifndef JSON_ORACLE_H
#define JSON_ORACLE_H

#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

#include <stdbool.h>
#include <stddef.h>

/* NULL: they agree; else one static sentence. `accepted`: the decoder found no fault; `faults` and
 * `request` are its answers. Where both are at liberty to differ (a number no double holds, the
 * depth), nothing is said. */
const char *json_oracle_objection(const char *body, size_t len, bool accepted,
                                  const struct luna_request *request,
                                  const struct luna_faults *faults);

#endif
