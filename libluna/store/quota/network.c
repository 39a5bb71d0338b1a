#include "quota/network.h"

#include "luna/base/digits.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BYTES = 4, V6_BYTES = 16, BITS_DIGITS_MAX = 3, NIBBLE_BITS = 4 };
static_assert(LUNA_ADDRESS_BYTES == 1 + 2 * V6_BYTES + 1, "the longest address in digits");

struct network {
    char family; /* '4' or '6' */
    unsigned char bytes[V6_BYTES];
    int bits;
};

static int bytes_of(char family)
{
    assert(family == '4' || family == '6');
    return family == '4' ? V4_BYTES : V6_BYTES;
}

static bool parse_address(const char *text, struct network *out)
{
    static const unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    out->family = '4';
    if (inet_pton(AF_INET, text, out->bytes) == 1)
        return true;
    if (inet_pton(AF_INET6, text, out->bytes) != 1)
        return false;
    if (memcmp(out->bytes, mapped, sizeof mapped) == 0)
        memcpy(out->bytes, out->bytes + sizeof mapped, V4_BYTES);
    else
        out->family = '6';
    return true;
}

void luna_network_address(const char *address, char ret_digits[LUNA_ADDRESS_BYTES])
{
    struct network host;
    ret_digits[0] = '\0';
    if (*address == '\0' || !parse_address(address, &host))
        return;
    ret_digits[0] = host.family;
    luna_hex_encode(host.bytes, (size_t)bytes_of(host.family), ret_digits + 1);
}

static bool parse_bits(const char *text, int bits_max, int *ret_bits)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > BITS_DIGITS_MAX || text[digits] != '\0' ||
        (text[0] == '0' && digits > 1))
        return false;
    *ret_bits = (int)strtol(text, NULL, 10);
    return *ret_bits <= bits_max;
}

static bool bits_after_are_zero(const struct network *network)
{
    assert(network->bits >= 0 && network->bits <= 8 * bytes_of(network->family));
    for (int bit = network->bits; bit < 8 * bytes_of(network->family); bit++)
        if ((network->bytes[bit / 8] >> (7 - bit % 8)) & 1)
            return false;
    return true;
}

static bool parse_network(const char *text, struct network *out)
{
    char address[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    if (len >= sizeof address)
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    /* The IPv4 ones inside IPv6 are written as IPv4. */
    if (!parse_address(address, out) || (out->family == '4' && strchr(address, ':') != NULL))
        return false;
    out->bits = 8 * bytes_of(out->family);
    return (text[len] == '\0' || parse_bits(text + len + 1, out->bits, &out->bits)) &&
           bits_after_are_zero(out);
}

bool luna_network_valid(const char *network)
{
    struct network ignored;
    return parse_network(network, &ignored);
}

static int nibble_at(const struct network *network, int at)
{
    assert(at >= 0 && at < 2 * bytes_of(network->family));
    return at % 2 == 0 ? network->bytes[at / 2] >> NIBBLE_BITS : network->bytes[at / 2] & 15;
}

bool luna_network_pattern(const char *network, struct luna_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    struct network parsed;
    if (!parse_network(network, &parsed))
        return false;
    int whole = parsed.bits / NIBBLE_BITS, free_bits = NIBBLE_BITS - parsed.bits % NIBBLE_BITS;
    luna_buf_putc(out, parsed.family);
    for (int i = 0; i < whole; i++)
        luna_buf_putc(out, digits[nibble_at(&parsed, i)]);
    if (free_bits == NIBBLE_BITS)
        return true;
    luna_buf_putc(out, '[');
    for (int i = 0; i < 1 << free_bits; i++)
        luna_buf_putc(out, digits[nibble_at(&parsed, whole) + i]);
    luna_buf_putc(out, ']');
    return true;
}
