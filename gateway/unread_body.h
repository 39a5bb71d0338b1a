#ifndef LUNA_GATEWAY_UNREAD_BODY_H
#define LUNA_GATEWAY_UNREAD_BODY_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* Handler of the phase REWRITE. Where nginx itself answers an error to a request of HTTP/1 with a
 * large body of which it has read nothing, it shall not read it first: the answer goes out at once,
 * says "Connection: close", and is not preceded by "100 Continue". What the client has sent
 * meanwhile is thrown away as it came, without decrypting it, within lingering_time. */
ngx_int_t unread_body_leave(ngx_http_request_t *r);

/* Handler of the phase PREACCESS. A request without a key, or with what cannot be one, goes to the
 * worker without its large body: the refusal looks like any other, and comes before the body is
 * sent. Which key is meant: KEY of luna_source_refusals. */
ngx_int_t unread_body_leave_without_key(ngx_http_request_t *r);

#endif
