/*
 * encode.h: struct luna_result → bytes out.
 *
 * A request with `results` alone is answered by exactly {"processed_results":[…],"input_data":[…]};
 * what else was asked for comes as further members. input_data repeats the validated input value
 * for value. `precision`: 0 for numbers that read back to the same bits, else 1–17 significant
 * digits; input_data is always exact. On a full buffer out->overflow is set.
 *
 * Further members of the JSON answer: "variance" [n]; "intervals" [{"level","lower","upper"}];
 * "innovations" {"values","variance"}; "forecast" {"mean","variance","intervals"}; "model", which
 * can be sent back as the request's model, every parameter given, with "fit"
 * {"status","loglikelihood",…,"left_out","uncertainty","warnings"}; "diagnostics".
 */
#ifndef LUNA_MODELLING_ENCODE_H
#define LUNA_MODELLING_ENCODE_H

#include "luna/base/buf.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

void luna_encode_json(const struct luna_request *request, const struct luna_result *result,
                      int precision, struct luna_buf *out);
/* RFC 4180: a header line, then one row a point: value,processed[,variance][,lower_P,upper_P…]
 * [,innovation,innovation_variance]; forecasts follow as rows with an empty value. What is
 * undefined is empty. The model and the diagnostics have no place in a table: ask for JSON. */
void luna_encode_csv(const struct luna_request *request, const struct luna_result *result,
                     int precision, struct luna_buf *out);

#endif
