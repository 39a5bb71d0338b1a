#ifndef LUNA_GATEWAY_SOURCE_TABLE_H
#define LUNA_GATEWAY_SOURCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* What each client address holds and has done at the gateway: its open connections, its refused
 * keys, and the keys that were accepted from it.
 *
 * The table lies in memory that the caller gives, and that several processes may share; it holds no
 * pointers. The caller serialises all calls on one table. It never grows: a bucket has a fixed
 * number of places, and an address without connections makes room for a new one. Where every place
 * of a bucket has connections, or the table has as many connections as places, a further one is not
 * counted. Times are in milliseconds of one
 * clock that does not go backwards. */

struct source_table;

/* Whom the table counts: an IPv4 address, the network (/64) of an IPv6 address (a host has all
 * addresses of its /64), or a key. */
struct source_id {
    uint8_t bytes[8];
};

/* A refused request adds its weight; `rate_per_s` are forgotten each second; above `burst` the
 * address is throttled. */
struct source_refusal_limits {
    uint32_t rate_per_s;
    uint32_t burst;
};

/* What a request brings. `weight` is at least 1, and at most SOURCE_WEIGHT_MAX. */
struct source_request {
    const void *key;
    size_t key_bytes;
    uint32_t account; /* that the path names; 0: none */
    uint32_t weight;
};

enum { SOURCE_WEIGHT_MAX = 16 };

/* Whether a request may go on to a worker. */
enum source_entry {
    SOURCE_ENTERS,
    SOURCE_ENTERS_COUNTED, /* it counts as a refusal until source_table_give_back() */
    SOURCE_THROTTLED,
};

enum source_outcome {
    SOURCE_ADMITTED,
    SOURCE_AT_LIMIT,
    SOURCE_UNCOUNTED, /* no place in the table: admit it, and do not close it here */
};

/* False where there is no address, as on a unix socket. An IPv4 address that is written as IPv6 is
 * the IPv4 address. */
bool source_id_from_address(const struct sockaddr *address, struct source_id *ret_id);

/* The same address as another source, for connections that count apart. No client has an address of
 * these bytes. */
struct source_id source_id_apart(struct source_id id);

/* A key as a source of its own, from whatever addresses it is used: its hash, which nobody who does
 * not know the table's seed can aim at an address. Here and below, the case of a key does not
 * matter: a UUID may be written in either. */
struct source_id source_id_from_key(const struct source_table *table, const void *key,
                                    size_t key_bytes);

/* Bytes of a table with so many buckets, a power of two. */
size_t source_table_bytes(uint32_t buckets);

/* The most buckets that fit into so many bytes; 0 where not even one does. */
uint32_t source_table_buckets(size_t bytes);

/* `memory` is aligned for uint64_t, and has source_table_bytes(buckets). `seed` is random, so that
 * nobody can choose addresses that share a bucket. */
struct source_table *source_table_init(void *memory, uint32_t buckets, uint64_t seed);

/* Counts a connection of the process `pid` unless the address has `connections_max` already.
 * *ret_connection is its number, where it is SOURCE_ADMITTED. */
enum source_outcome source_table_open(struct source_table *table, struct source_id id, uint32_t pid,
                                      uint32_t connections_max, uint64_t now_ms,
                                      uint32_t *ret_connection) __attribute__((warn_unused_result));

/* Ends a connection that was SOURCE_ADMITTED. */
void source_table_close(struct source_table *table, uint32_t connection, uint64_t now_ms);

/* Forgets the connections of processes that have ended: a killed one closes none here. Looks at
 * most once a second, because it reads the whole table. True: there were some, so what was refused
 * may be tried again. */
bool source_table_heal(struct source_table *table, bool (*is_running)(uint32_t pid),
                       uint64_t now_ms);

/* A key was refused. One that was accepted before is forgotten after some refusals in a row; any
 * other one counts. */
void source_table_refuse(struct source_table *table, struct source_id id,
                         struct source_request request, struct source_refusal_limits limits,
                         uint64_t now_ms);

/* Something was answered, or the client left, before the key was accepted or refused. Counts like a
 * refusal, unless the key was accepted before: else nobody who only guesses, or only costs work,
 * would wait. */
void source_table_abandon(struct source_table *table, struct source_id id,
                          struct source_request request, struct source_refusal_limits limits,
                          uint64_t now_ms);

/* A key was accepted: it stays usable from this address while the address is throttled. 32 keys of
 * an address are remembered. Where there are more, the account that has the most of them loses the
 * one that was accepted longest ago. */
void source_table_accept(struct source_table *table, struct source_id id,
                         struct source_request request, uint64_t now_ms);

/* Throttled where the address has had more than `burst` keys refused, unless this key was accepted
 * from it. Above half of `burst` a request counts as a refusal from its start on, or those that are
 * in progress together would all enter before the first of them is refused. What is counted is
 * forgotten like any refusal, so a process that is killed leaves nothing behind. */
enum source_entry source_table_enter(struct source_table *table, struct source_id id,
                                     struct source_request request,
                                     struct source_refusal_limits limits, uint64_t now_ms)
    __attribute__((warn_unused_result));

/* Takes back what SOURCE_ENTERS_COUNTED counted. If the key was then refused or not checked, the
 * request stays counted: no source_table_refuse() or source_table_abandon() for it. */
void source_table_give_back(struct source_table *table, struct source_id id, uint32_t weight,
                            struct source_refusal_limits limits, uint64_t now_ms);

#endif
