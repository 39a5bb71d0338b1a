/*
 * address.h: "127.0.0.1:9100" and "[::1]:9100" as socket addresses. Numeric only: no name lookup.
 */
#ifndef LUNA_BASE_ADDRESS_H
#define LUNA_BASE_ADDRESS_H

#include "luna/base/error.h"

#include <sys/socket.h>

struct luna_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* LUNA_EINVAL when `text` is not such an address; the message quotes it. */
enum luna_code luna_address_parse(const char *text, struct luna_address *ret_address,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
