#include "shared/peers.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEM_BYTES_MAX = 64, MAPPED_BITS = 96, ADDRESS_BITS = 128 };

/* The next item of a comma-separated list, cut to the buffer; false at the end. */
static bool next_item(const char **at, char item[ITEM_BYTES_MAX], size_t *ret_len)
{
    *at += strspn(*at, ", ");
    size_t len = strcspn(*at, ", ");
    size_t kept = len < ITEM_BYTES_MAX ? len : ITEM_BYTES_MAX - 1;
    memcpy(item, *at, kept);
    item[kept] = '\0';
    *at += len;
    *ret_len = len;
    return len > 0;
}

static enum luna_code add_user(struct peers *peers, const char *name, struct luna_error *err)
{
    /* NOLINT(concurrency-mt-unsafe): a worker has one thread */
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return LUNA_OK;
    assert(peers->user_count >= 2 && peers->user_count <= PEERS_USERS_MAX);
    if (peers->user_count == PEERS_USERS_MAX)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_SOCKET_PEERS names more than %d users",
                              PEERS_USERS_MAX - 2);
    peers->users[peers->user_count++] = user->pw_uid;
    return LUNA_OK;
}

enum luna_code peers_set_users(struct peers *peers, const char *names, struct luna_error *err)
{
    char name[ITEM_BYTES_MAX];
    size_t len = 0;
    peers->users[0] = 0;
    peers->users[1] = geteuid();
    peers->user_count = 2;
    for (const char *at = names == NULL ? "" : names; next_item(&at, name, &len);) {
        if (len >= sizeof name)
            return luna_error_set(err, LUNA_ECONFIG, "LUNA_SOCKET_PEERS: a name is longer than %d",
                                  ITEM_BYTES_MAX - 1);
        enum luna_code code = add_user(peers, name, err);
        if (code != LUNA_OK)
            return code;
    }
    return LUNA_OK;
}

bool peers_allow_user(const struct peers *peers, uid_t user)
{
    for (size_t i = 0; i < peers->user_count; i++)
        if (peers->users[i] == user)
            return true;
    return false;
}

static void map_ipv4(const void *address, unsigned char *out)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(out, prefix, sizeof prefix);
    memcpy(out + sizeof prefix, address, 4);
}

/* The prefix length after the slash, or `most` without one; -1 when it is not a number from 0 to
 * `most`. */
static int read_bits(const char *slash, int most)
{
    if (slash == NULL)
        return most;
    size_t len = strlen(slash + 1);
    if (len < 1 || len > 3 || strspn(slash + 1, "0123456789") != len)
        return -1;
    long bits = strtol(slash + 1, NULL, 10);
    return bits <= most ? (int)bits : -1;
}

static bool read_network(char *item, struct peers_network *ret_network)
{
    struct peers_network network;
    unsigned char ipv4[4];
    char *slash = strchr(item, '/');
    bool is_ipv6 = strchr(item, ':') != NULL;
    int bits = read_bits(slash, is_ipv6 ? ADDRESS_BITS : ADDRESS_BITS - MAPPED_BITS);
    if (slash != NULL)
        *slash = '\0';
    if (is_ipv6 ? inet_pton(AF_INET6, item, network.address) != 1
                : inet_pton(AF_INET, item, ipv4) != 1)
        return false;
    if (!is_ipv6)
        map_ipv4(ipv4, network.address);
    network.bits = is_ipv6 ? bits : bits + MAPPED_BITS;
    *ret_network = network;
    return bits >= 0;
}

enum luna_code peers_set_networks(struct peers *peers, const char *text, struct luna_error *err)
{
    char item[ITEM_BYTES_MAX];
    size_t len = 0;
    peers->network_count = 0;
    for (const char *at = text == NULL ? "" : text; next_item(&at, item, &len);) {
        if (peers->network_count == PEERS_NETWORKS_MAX)
            return luna_error_set(err, LUNA_ECONFIG,
                                  "LUNA_WORKER_PEERS names more than %d networks",
                                  PEERS_NETWORKS_MAX);
        if (!read_network(item, &peers->networks[peers->network_count]))
            return luna_error_set(err, LUNA_ECONFIG,
                                  "LUNA_WORKER_PEERS: \"%s\" is not an address or network, such as "
                                  "10.1.2.0/24",
                                  item);
        peers->network_count++;
    }
    return LUNA_OK;
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, int bits)
{
    assert(bits >= 0 && bits <= ADDRESS_BITS); /* read_network() refuses others */
    size_t whole = (size_t)bits / 8;
    int rest = bits % 8;
    unsigned mask = rest == 0 ? 0 : 0xffu & (0xffu << (8 - rest));
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool peers_allow_address(const struct peers *peers, const struct sockaddr_storage *address)
{
    unsigned char mapped[PEERS_ADDRESS_BYTES];
    if (address->ss_family == AF_INET)
        map_ipv4(&((const struct sockaddr_in *)(const void *)address)->sin_addr, mapped);
    else if (address->ss_family == AF_INET6)
        memcpy(mapped, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
               sizeof mapped);
    else
        return false;
    for (size_t i = 0; i < peers->network_count; i++)
        if (same_prefix(peers->networks[i].address, mapped, peers->networks[i].bits))
            return true;
    return false;
}
