/*
 * problem.h: every error the API can answer with, in one table.
 *
 * A row is: symbol, HTTP status, code (for programs), title, and the message (for people) when the
 * step that answers has no more precise one. The body has FastAPI's shape and RFC 9457's in one
 * object; they differ in `detail`: FastAPI's list of faults for a 422 with faults, else text. With
 * Accept: application/problem+json, detail is always text and the faults are in `errors`.
 */
#ifndef FCGI_WORKER_PROBLEM_H
#define FCGI_WORKER_PROBLEM_H

#include "http/http.h"
#include "luna/modelling/fault.h"

#define PROBLEM_TABLE(X)                                                                           \
    X(PROBLEM_BAD_REQUEST, 400, "bad_request", "Bad request", "The request cannot be read.")       \
    X(PROBLEM_BODY_INCOMPLETE, 400, "body_incomplete", "Incomplete body",                          \
      "The body is shorter or longer than its Content-Length. Send it again.")                     \
    X(PROBLEM_BODY_CORRUPT, 400, "body_corrupt", "Damaged body",                                   \
      "The body does not match its Content-Encoding, or was cut off. Send it again.")              \
    X(PROBLEM_CREDENTIAL_REPEATED, 400, "credential_repeated", "More than one API key",            \
      "Send one API key or token, either in X-API-Key or in Authorization, and that header once.") \
    X(PROBLEM_HEADER_REPEATED, 400, "header_repeated", "Header sent more than once",               \
      "Send each header once.")                                                                    \
    X(PROBLEM_IDEMPOTENCY_KEY, 400, "idempotency_key_invalid", "Invalid Idempotency-Key",          \
      "An Idempotency-Key must be 1 to 255 visible ASCII characters.")                             \
    X(PROBLEM_KEY_MISSING, 403, "key_missing", "No API key",                                       \
      "Send your API key in X-API-Key, or as Authorization: Bearer <key>.")                        \
    X(PROBLEM_KEY_INVALID, 403, "key_invalid", "Wrong API key",                                    \
      "This API key is malformed, unknown, expired, revoked or another account's.")                \
    X(PROBLEM_ADDRESS, 403, "address_not_allowed", "Address not allowed",                          \
      "This API key may not be used from your address.")                                           \
    X(PROBLEM_ACCOUNT_DISABLED, 403, "account_disabled", "Account disabled",                       \
      "This account is disabled.")                                                                 \
    X(PROBLEM_SCOPE_MISSING, 403, "scope_missing", "Key lacks a scope",                            \
      "This API key lacks the scope that the request needs.")                                      \
    X(PROBLEM_SCOPE_EXCEEDED, 403, "scope_exceeded", "Scopes exceed those of the key",             \
      "A key can give only scopes that it has itself. Use a key that has them, or ask for fewer.") \
    X(PROBLEM_NOT_FOUND, 404, "not_found", "Not found",                                            \
      "There is no such path. Paths look like /api/v1/{account_id}/kalman.")                       \
    X(PROBLEM_ACCOUNT_UNKNOWN, 404, "account_unknown", "Unknown account",                          \
      "There is no such account.")                                                                 \
    X(PROBLEM_METHOD, 405, "method_not_allowed", "Method not allowed",                             \
      "This path does not support the method; the Allow header lists those that it supports.")     \
    X(PROBLEM_IDEMPOTENCY_BUSY, 409, "idempotency_in_flight", "Still running",                     \
      "The first request with this Idempotency-Key is still running. Try again shortly.")          \
    X(PROBLEM_CONFLICT, 409, "conflict", "Conflict",                                               \
      "The request conflicts with the current state.")                                             \
    X(PROBLEM_BODY_TOO_LARGE, 413, "body_too_large", "Body too large",                             \
      "The body is larger than this service accepts. Send fewer points in one request.")           \
    X(PROBLEM_MEDIA_TYPE, 415, "unsupported_media_type", "Unsupported media type",                 \
      "Send the series as Content-Type: application/json, text/csv, application/x-ndjson or "      \
      "application/octet-stream.")                                                                 \
    X(PROBLEM_ENCODING, 415, "unsupported_encoding", "Unsupported content encoding",               \
      "Send the body uncompressed, or with Content-Encoding: gzip or deflate.")                    \
    X(PROBLEM_VALIDATION, 422, "validation_error", "Request validation failed",                    \
      "The request is not valid; see the errors.")                                                 \
    X(PROBLEM_IDEMPOTENCY_MISMATCH, 422, "idempotency_mismatch", "Idempotency-Key reused",         \
      "This Idempotency-Key was used with another request: another path, query, format or body. "  \
      "Use a new key for a new request.")                                                          \
    X(PROBLEM_TOO_MANY_POINTS, 422, "too_many_points", "Too many points",                          \
      "The series has more points than the account's plan allows in one request.")                 \
    X(PROBLEM_TOO_LONG, 422, "computation_too_long", "Computation too long",                       \
      "The computation does not fit into the request's time limit; sending it again will not "     \
      "help. "                                                                                     \
      "Nothing was charged. Send fewer points, or give parameters instead of having them fitted.") \
    X(PROBLEM_QUARANTINED, 422, "request_quarantined", "Request quarantined",                      \
      "This request crashed the service twice and is blocked. The operators have been notified; "  \
      "if you write to them, quote the request id.")                                               \
    X(PROBLEM_RATE_LIMITED, 429, "rate_limited", "Rate limit exceeded",                            \
      "Too many requests at once. Retry-After says when to try again.")                            \
    X(PROBLEM_CONCURRENCY_LIMITED, 429, "concurrency_limited", "Too many concurrent requests",     \
      "The account has reached its limit of concurrent requests. Retry-After says when to try "    \
      "again.")                                                                                    \
    X(PROBLEM_COMPUTE_LIMITED, 429, "compute_limited", "Compute budget used up",                   \
      "The account's computations used more processor time than its plan provides. Retry-After "   \
      "says when to try again.")                                                                   \
    X(PROBLEM_QUOTA_EXHAUSTED, 429, "quota_exhausted", "Quota exhausted",                          \
      "The account's quota is used up.")                                                           \
    X(PROBLEM_INTERNAL, 500, "internal_error", "Internal error",                                   \
      "The service failed; the request is not at fault. Nothing was charged.")                     \
    X(PROBLEM_UNAVAILABLE, 503, "store_unavailable", "Temporarily unavailable",                    \
      "The service cannot check the account right now. Nothing was charged; Retry-After says "     \
      "when to try again.")                                                                        \
    X(PROBLEM_CLOCKS, 503, "clocks_disagree", "Clocks disagree",                                   \
      "The clocks of the service's stores disagree, so nothing can be counted right now. Nothing " \
      "was charged; Retry-After says when to try again.")                                          \
    X(PROBLEM_OVERLOADED, 503, "overloaded", "Overloaded",                                         \
      "The request waited too long in the queue and was not started. Nothing was charged; "        \
      "Retry-After says when to try again.")                                                       \
    X(PROBLEM_DEADLINE, 503, "deadline_exceeded", "Took too long",                                 \
      "The service was too busy to finish the request within its time limit. Nothing was "         \
      "charged; Retry-After says when to try again.")

enum problem_id {
    PROBLEM_NONE,
#define X(symbol, status, code, title, message) symbol,
    PROBLEM_TABLE(X)
#undef X
        PROBLEM_COUNT
};

struct problem {
    int status;
    const char *code;
    const char *title;
    const char *message;
};

/* The row of `id`; of PROBLEM_INTERNAL for a number without a row. */
const struct problem *problem_row(enum problem_id id);

struct problem_report {
    enum problem_id id;
    const char *detail;               /* NULL: the row's message */
    const struct luna_faults *faults; /* NULL, or what a 422 lists */
    const char *violated_policy;      /* NULL, or which limit a 429 is about */
    const char *accepted;             /* NULL, or the types of a body that a 415 was about */
};

/* Sets `response`'s status, type and body to those of the problem; the status is 401 instead of
 * 403 for a missing or invalid credential in Authorization. Adds the header
 * WWW-Authenticate when the request needs a credential, or another one (RFC 6750 §3); to a 415
 * Accept or Accept-Encoding, which say what is accepted (RFC 9110 §15.5.16). */
void problem_respond(struct http_response *response, const struct problem_report *report,
                     const struct http_request *request);

#endif
