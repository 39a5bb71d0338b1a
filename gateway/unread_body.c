#include "unread_body.h"

#include "gateway.h"

#include <stdbool.h>

/* Up to here, reading the body costs less than the handshake of the next connection. */
enum { SMALL_BODY_BYTES = 65536 };

/* One of unknown length counts as large; over HTTP/2 nginx calls it chunked as well. */
static bool has_large_body(const ngx_http_request_t *r)
{
    return r->headers_in.chunked || r->headers_in.content_length_n > SMALL_BODY_BYTES;
}

static bool has_large_unread_body(const ngx_http_request_t *r)
{
    bool is_unread =
        r == r->main && r->stream == NULL && r->request_body == NULL && !r->discard_body;
    return is_unread && has_large_body(r);
}

/* From here on, nobody reads the body: it counts as read. */
static ngx_int_t leave(ngx_http_request_t *r)
{
    r->request_body = ngx_pcalloc(r->pool, sizeof *r->request_body);
    if (r->request_body == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    r->keepalive = 0;
    r->expect_tested = 1;
    return NGX_DECLINED;
}

/* ngx_http_discard_request_body() reads all that has arrived before the answer is sent, megabytes
 * for each of many requests, while the other connections of the process wait. It leaves alone a
 * request whose body somebody else reads. */
ngx_int_t unread_body_leave(ngx_http_request_t *r)
{
    return r->error_page && has_large_unread_body(r) ? leave(r) : NGX_DECLINED;
}

static bool has_key(ngx_http_request_t *r)
{
    ngx_str_t key;
    ngx_http_complex_value_t *value = gateway.settings->by_source.key;
    return value == NULL || ngx_http_complex_value(r, value, &key) != NGX_OK || key.len > 0;
}

ngx_int_t unread_body_leave_without_key(ngx_http_request_t *r)
{
    if (r->internal || r != r->main || gateway.settings == NULL)
        return NGX_DECLINED;
    if (r->stream != NULL && has_large_body(r) && !has_key(r))
        return ngx_http_discard_request_body(r) == NGX_OK ? NGX_DECLINED
                                                          : NGX_HTTP_INTERNAL_SERVER_ERROR;
    return has_large_unread_body(r) && !has_key(r) ? leave(r) : NGX_DECLINED;
}
