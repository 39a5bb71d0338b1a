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
/* Whole seconds, rounded up, at least 1. */
void retry_after_add(struct http_response *response, int64_t retry_after_ms);
/* The quota's policy name: "quota", "daily" or "monthly". */
const char *quota_policy_name(enum luna_period period);

#endif
