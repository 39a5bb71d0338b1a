/*
 * encode.h: struct luna_result → bytes out.
 *
 * A request with `results` alone is answered by exactly {"processed_results":[…],"input_data":[…]}; what else
 * was asked for comes as further members. input_data repeats the validated input value for value. On a full
 * buffer out->overflow is set.
 */
#ifndef LUNA_MODELLING_ENCODE_H
#define LUNA_MODELLING_ENCODE_H

#include "luna/base/buf.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

void luna_encode_json(const struct luna_request *request, const struct luna_result *result, int precision,
                      struct luna_buf *out);
/* Header line, then one row a point: value,processed[,variance…]; forecasts follow as rows with an empty
 * value. */
void luna_encode_csv(const struct luna_request *request, const struct luna_result *result, int precision,
                     struct luna_buf *out);

#endif
