/*
 * options.h: one option of a request, from its JSON text into struct luna_request. Private to this
 * library.
 */
#ifndef LUNA_MODELLING_OPTIONS_H
#define LUNA_MODELLING_OPTIONS_H

#include "formats/json_scan.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/request.h"

/* The maximum length of the text of one option; longer text is an attack or a mistake. */
enum { OPTION_BYTES_MAX = 16384 };

/* Reads member `name` whose value, already known to be valid JSON, is `value`, at `offset` in the
 * body. Adds the faults of the value; for an unknown name, `names_hint` lists the known ones.
 * False: out of memory. */
bool option_apply(struct json_span name, struct json_span value, size_t offset,
                  const char *names_hint, struct luna_request *request, struct luna_faults *faults)
    __attribute__((warn_unused_result));

#endif
