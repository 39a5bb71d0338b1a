/*
 * api_json.h: members of small JSON answers.
 */
#ifndef FCGI_WORKER_API_JSON_H
#define FCGI_WORKER_API_JSON_H

#include "http/http.h"
#include "luna/base/buf.h"

#include <stdint.h>

/* "name":"text" */
void json_put_text(struct luna_buf *out, const char *name, const char *text);
/* "name":"2026-11-24T06:00:00.123Z"; null for 0. */
void json_put_time(struct luna_buf *out, const char *name, int64_t ms);
/* The same without a name, without quotes, for CSV; nothing for 0. */
void time_put(struct luna_buf *out, int64_t ms);
/* Makes `response` a 200 of JSON, to be filled. */
struct luna_buf *json_begin(struct http_response *response);

#endif
