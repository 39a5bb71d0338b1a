/*
 * rate_headers.h: the limits in an admission, as response headers.
 *
 * RateLimit-Policy and RateLimit as in draft-ietf-httpapi-ratelimit-headers-11, X-RateLimit-* for
 * older clients.
 */
#ifndef FCGI_WORKER_RATE_HEADERS_H
#define FCGI_WORKER_RATE_HEADERS_H

#include "http/http.h"
#include "luna/store/admission.h"

void rate_headers_add(struct http_response *response, const struct luna_admission *admission);
/* Retry-After of a request that a limit refused: never earlier than RateLimit says that a limit
 * which is used up, and which the request is subject to, has something again. None where waiting
 * cannot help: a quota without a period. `is_charged`: the request costs units. */
void rate_headers_retry_add(struct http_response *response, const struct luna_admission *admission,
                            bool is_charged);
/* Whole seconds, rounded up, at least 1. */
void retry_after_add(struct http_response *response, int64_t retry_after_ms);
/* The quota's policy name: "quota", "daily" or "monthly". */
const char *quota_policy_name(enum luna_period period);

#endif
