#include "request/steps.h"

#include "http/etag.h"

enum { OK = 200, NOT_MODIFIED = 304 };

/* An account's own books may be kept by who asked for them, and are asked about each time: another
 * key, or another day, is another answer. Results and secrets are kept by nobody. */
enum step_outcome step_revalidate(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    char etag[ETAG_BYTES];
    if (response->status != OK || response->body.overflow)
        return STEP_ON;
    etag_make(response->body.data, response->body.len, etag);
    response->cache_control = "private, no-cache";
    http_header_add(response, "ETag", "%s", etag);
    http_header_add(response, "Vary", "Accept, X-API-Key, Authorization");
    if (etag_named(exchange->request.if_none_match, etag)) {
        response->status = NOT_MODIFIED;
        luna_buf_clear(&response->body);
    }
    return STEP_ON;
}
