/*
 * network.h: the addresses from which a key may be used.
 *
 * A script cannot parse addresses: it gets the client's as digits, '4' and 8 or '6' and 32 of them,
 * and a network as a pattern of Lua that stands for their first bits. Private to the store.
 */
#ifndef LUNA_STORE_NETWORK_H
#define LUNA_STORE_NETWORK_H

#include "luna/base/buf.h"
#include "luna/store/key_text.h"

#include <stdbool.h>

enum { LUNA_ADDRESS_BYTES = 34 };

/* An IPv4 address inside an IPv6 one (::ffff:192.0.2.1) counts as IPv4. "" for what is not an
 * address: no network has it. */
void luna_network_address(const char *address, char ret_digits[LUNA_ADDRESS_BYTES]);
/* Appends the pattern of a network of luna_network_valid(). False: it is invalid. */
bool luna_network_pattern(const char *network, struct luna_buf *out) LUNA_MUSTCHECK;

#endif
