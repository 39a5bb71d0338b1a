/*
 * http_get.h: one HTTP GET of a health page of the service; plain HTTP, bounded in time and size.
 */
#ifndef CLI_HTTP_GET_H
#define CLI_HTTP_GET_H

#include "luna/base/buf.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"

/* Requests `path` from `address` (host:port) and appends the body to `body`. Any complete response
 * is a success; *ret_status is its HTTP status. LUNA_EUNAVAILABLE: the connection failed;
 * LUNA_ETIMEOUT; LUNA_EPROTOCOL: the response is not HTTP, or too long. */
enum luna_code http_get(const char *address, const char *path, struct luna_deadline deadline,
                        int *ret_status, struct luna_buf *body,
                        struct luna_error *err) LUNA_MUSTCHECK;

#endif
