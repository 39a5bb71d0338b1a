#ifndef LUNA_GATEWAY_ERROR_LINES_H
#define LUNA_GATEWAY_ERROR_LINES_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* Handler of the phase POST_READ. What nginx's error log says of a request from here on: method,
 * and of the path what stands before a key or token; neither the query nor a header. nginx itself
 * writes the request line, Host and Referer, each as the client sent it. */
ngx_int_t error_lines_shorten(ngx_http_request_t *r);

#endif
