/*
 * peers.h: who may connect to the pool: processes of certain users over the unix socket, hosts of
 * certain networks over TCP.
 *
 * A unix socket names its peer's user. TCP does not, so there the limit is a list of networks;
 * loopback is not on it unless it is named.
 */
#ifndef FCGI_WORKER_PEERS_H
#define FCGI_WORKER_PEERS_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { PEERS_USERS_MAX = 16, PEERS_NETWORKS_MAX = 16, PEERS_ADDRESS_BYTES = 16 };

/* IPv4 is held as an address mapped into IPv6, so that there is one comparison. */
struct peers_network {
    unsigned char address[PEERS_ADDRESS_BYTES];
    int bits;
};

struct peers {
    uid_t users[PEERS_USERS_MAX];
    size_t user_count;
    struct peers_network networks[PEERS_NETWORKS_MAX];
    size_t network_count;
};

/* Sets the users: root, this process's own user, and those of the comma-separated `names` (may be
 * NULL). A name that this machine does not know is skipped, so that one default fits machines with
 * and without nginx. LUNA_ECONFIG names LUNA_SOCKET_PEERS. */
enum luna_code peers_set_users(struct peers *peers, const char *names,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* Sets the networks: "10.0.0.0/8, 2001:db8::1", comma-separated, numeric; without a prefix length
 * one host. NULL and "": no network. LUNA_ECONFIG names LUNA_WORKER_PEERS and the item. */
enum luna_code peers_set_networks(struct peers *peers, const char *text,
                                  struct luna_error *err) LUNA_MUSTCHECK;

bool peers_allow_user(const struct peers *peers, uid_t user);
/* False for an address that is not of IPv4 or IPv6. */
bool peers_allow_address(const struct peers *peers, const struct sockaddr_storage *address);

#endif
