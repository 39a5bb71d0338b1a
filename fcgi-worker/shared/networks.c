#include "shared/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_BYTES_MAX = 64, MAPPED_BITS = 96, ADDRESS_BITS = 128 };

static void map_ipv4(const void *address, unsigned char *out)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    memcpy(out, prefix, sizeof prefix);
    memcpy(out + sizeof prefix, address, 4);
}

/* The prefix length after the slash, or `most` without one; -1 when it is no number from 0 to
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

static bool read_item(char *item, struct network *ret_network)
{
    struct network network;
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

enum luna_code networks_parse(const char *text, struct networks *ret_networks,
                              struct luna_error *err)
{
    struct networks networks = {.count = 0};
    for (const char *at = text == NULL ? "" : text; *at != '\0';) {
        char item[ITEM_BYTES_MAX];
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len == 0)
            continue;
        if (networks.count == NETWORKS_MAX)
            return luna_error_set(err, LUNA_ECONFIG,
                                  "LUNA_WORKER_PEERS names more than %d networks", NETWORKS_MAX);
        size_t kept = len < sizeof item ? len : sizeof item - 1;
        memcpy(item, at, kept);
        item[kept] = '\0';
        at += len;
        if (!read_item(item, &networks.items[networks.count]))
            return luna_error_set(
                err, LUNA_ECONFIG,
                "LUNA_WORKER_PEERS: \"%s\" is no address or network, such as 10.1.2.0/24", item);
        networks.count++;
    }
    *ret_networks = networks;
    return LUNA_OK;
}

static bool starts_alike(const unsigned char *a, const unsigned char *b, int bits)
{
    size_t whole = (size_t)bits / 8;
    int rest = bits % 8;
    unsigned mask = rest == 0 ? 0 : 0xffu & (0xffu << (8 - rest));
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

bool networks_contain(const struct networks *networks, const struct sockaddr_storage *peer)
{
    unsigned char address[NETWORK_ADDRESS_BYTES];
    if (peer->ss_family == AF_INET)
        map_ipv4(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, address);
    else if (peer->ss_family == AF_INET6)
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr,
               sizeof address);
    else
        return false;
    for (size_t i = 0; i < networks->count; i++)
        if (starts_alike(networks->items[i].address, address, networks->items[i].bits))
            return true;
    return false;
}
