/*
 * counters.h: one connection to Redis, which holds the counters of the quotas: what was charged and
 * refunded, and what is left. It is their authority between two bookings, not a cache.
 *
 * Programs open a handle and pass it to the store's verbs. One handle belongs to one process and
 * one thread; open it after a fork. Every command has a deadline (`timeout_ms`); a connection that
 * broke or replied too late is closed and opened again by the next command. URL:
 * redis://[[user]:password@]host[:port][/db] or unix:///path/to/socket[?db=n]
 * [&user=u][&password=p].
 */
#ifndef LUNA_STORE_COUNTERS_H
#define LUNA_STORE_COUNTERS_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/meter.h"

struct luna_counters;

/* Does not connect yet. LUNA_ECONFIG names what is wrong with the URL. */
enum luna_code luna_counters_new(const char *url, int timeout_ms,
                                 struct luna_counters **ret_counters,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void luna_counters_free(struct luna_counters *counters);
/* Counts its round trips from here on, under `purpose` unless a verb sets another. `meter` outlives
 * it. */
void luna_counters_meter(struct luna_counters *counters, struct luna_store_meter *meter,
                         enum luna_purpose purpose);
enum luna_code luna_counters_ping(struct luna_counters *counters, struct luna_deadline deadline,
                                  struct luna_error *err) LUNA_MUSTCHECK;

#endif
