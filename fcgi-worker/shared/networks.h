/*
 * networks.h: from which addresses a web server may connect over TCP.
 *
 * TCP has no peer's user to ask for, as a unix socket has; who may speak FastCGI is a list of
 * networks. Loopback is not on it unless it is named.
 */
#ifndef FCGI_WORKER_NETWORKS_H
#define FCGI_WORKER_NETWORKS_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { NETWORKS_MAX = 16, NETWORK_ADDRESS_BYTES = 16 };

/* IPv4 is held as an address mapped into IPv6, so that there is one way to compare. */
struct network {
    unsigned char address[NETWORK_ADDRESS_BYTES];
    int bits;
};

struct networks {
    struct network items[NETWORKS_MAX];
    size_t count;
};

/* "10.0.0.0/8, 2001:db8::1": comma-separated, numeric; no prefix length is one host. NULL and ""
 * are none. LUNA_ECONFIG names LUNA_WORKER_PEERS and the item. */
enum luna_code networks_parse(const char *text, struct networks *ret_networks,
                              struct luna_error *err) LUNA_MUSTCHECK;
bool networks_contain(const struct networks *networks, const struct sockaddr_storage *peer);

#endif
