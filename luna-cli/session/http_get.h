/*
 * http_get.h: one GET of a health page of ours; plain HTTP to a numeric address, bounded in time
 * and size.
 */
#ifndef CLI_HTTP_GET_H
#define CLI_HTTP_GET_H

#include "luna/base/buf.h"
#include "luna/base/clock.h"
#include "luna/base/error.h"

/* Asks `address` ("127.0.0.1:9465") for `path` and puts the body into `body`. LUNA_EUNAVAILABLE
 * when nobody answers, LUNA_ETIMEOUT, LUNA_EPROTOCOL; any status of a whole answer is a success and
 * given in *ret_status. */
enum luna_code http_get(const char *address, const char *path, struct luna_deadline deadline,
                        int *ret_status, struct luna_buf *body,
                        struct luna_error *err) LUNA_MUSTCHECK;

#endif
