#include "request/steps.h"

#include "http/etag.h"

#include <assert.h>

enum { OK = 200, NOT_MODIFIED = 304 };

/* A client may cache what it reads of its account, but revalidates it each time: another key, or
 * another day, has another answer. Results and secrets are never cached. */
enum step_outcome step_revalidate(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    char etag[ETAG_BYTES];
    if (response->status != OK || response->body.overflow)
        return STEP_ON;
    assert(exchange->answer == ANSWER_UNSENT); /* the whole body is here */
    etag_make(response->body.data, response->body.len, etag);
    response->cache_control = "private, no-cache"; /* write_vary() names what it depends on */
    http_header_add(response, "ETag", "%s", etag);
    if (etag_matches(exchange->request.if_none_match, etag)) {
        response->status = NOT_MODIFIED;
        luna_buf_clear(&response->body);
    }
    return STEP_ON;
}
