/*
 * json.h: members that several small JSON answers have.
 */
#ifndef FCGI_WORKER_API_JSON_H
#define FCGI_WORKER_API_JSON_H

#include "http/http.h"
#include "luna/base/buf.h"
#include "luna/store/admission.h"
#include "luna/store/usage.h"

#include <stdint.h>

/* "name":"text" */
void json_put_text(struct luna_buf *out, const char *name, const char *text);
/* "name":"2026-11-24T06:00:00.123Z"; null for 0. */
void json_put_time(struct luna_buf *out, const char *name, int64_t ms);
/* The time alone, without quotes, for CSV; nothing for 0. */
void json_put_bare_time(struct luna_buf *out, int64_t ms);
/* "quota":{…} */
void json_put_quota(struct luna_buf *out, const struct luna_usage *usage);
/* "compute":{…}, the plan's budget of processor time; null when it has none */
void json_put_compute(struct luna_buf *out, const struct luna_admission *admission);
/* Makes `response` a 200 of JSON; returns its body, empty. */
struct luna_buf *json_begin(struct http_response *response);

#endif
