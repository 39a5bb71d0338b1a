/*
 * http.h: a request and its response, independent of FastCGI.
 *
 * Ownership: a request's strings are borrowed from the connection until fcgi_io_finish(); a
 * response's headers and body belong to the worker and are cleared for the next request.
 */
#ifndef FCGI_WORKER_HTTP_H
#define FCGI_WORKER_HTTP_H

#include "luna/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text is "" when the client or nginx sent no such header, never NULL. */
struct http_request {
    const char *method;
    const char *path; /* as sent, not percent-decoded; the query follows … */
    size_t path_len;  /* … after this many bytes */
    const char *query;
    const char *content_type;
    const char *content_encoding;
    const char *accept;
    const char *api_key;
    const char *authorization;
    const char *repeated_header; /* the name, in small letters, of one that came more than once and
                                  * may not; the members have the first */
    const char *idempotency_key;
    const char *if_none_match;
    const char *traceparent; /* of W3C Trace Context, valid */
    const char *origin;
    const char *remote_address;
    const char *request_id;
    unsigned long long content_length; /* as announced; 0 without a number */
    const char *body;
    size_t body_len;
};

struct http_response {
    int status;
    const char *content_type;
    const char *cache_control; /* NULL: no-store */
    /* "Name: value\r\n", one after the other, without status, type and length */
    struct luna_buf headers;
    struct luna_buf body;
};

/* Appends one header line. The value must hold no control bytes: no text of a client's, unless it
 * was checked. Longer values than 511 bytes are cut. */
void http_header_add(struct http_response *response, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The reason phrase of a status that this service answers with. */
const char *http_reason(int status);
/* The weight that Accept gives to `type`, in thousandths, from the range that fits it best; 0: it
 * is not accepted. */
enum { HTTP_WEIGHT_MAX = 1000 };
int http_accept_weight(const char *accept, const char *type);
/* Does a media type or a list of them ("text/csv; charset=utf-8", or Accept's) name `type`? ASCII
 * case is ignored, parameters are skipped, except that q=0 excludes the name. */
bool http_media_named(const char *list, const char *type);

#endif
