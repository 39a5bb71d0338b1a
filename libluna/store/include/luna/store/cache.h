/*
 * cache.h: one connection to Redis.
 *
 * Who: programs open a handle and pass it to the store's verbs. One handle, one process, one
 * thread; not before a fork. Every command has a deadline (`timeout_ms`); a connection that broke
 * or answered too late is dropped and made anew. URL: redis://[[user]:password@]host[:port][/db] or
 * unix:///path/to/socket[?db=n][&password=p].
 */
#ifndef LUNA_STORE_CACHE_H
#define LUNA_STORE_CACHE_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/meter.h"

struct luna_cache;

/* Connects nothing yet. LUNA_ECONFIG says what is wrong with the URL. */
enum luna_code luna_cache_new(const char *url, int timeout_ms, struct luna_cache **ret_cache,
                              struct luna_error *err) LUNA_MUSTCHECK;
void luna_cache_free(struct luna_cache *cache);
/* What it asks is counted from here on, as being for `purpose` where a verb does not know
 * better. `meter` outlives it. */
void luna_cache_meter(struct luna_cache *cache, struct luna_store_meter *meter,
                      enum luna_purpose purpose);
enum luna_code luna_cache_ping(struct luna_cache *cache, struct luna_deadline deadline,
                               struct luna_error *err) LUNA_MUSTCHECK;

#endif
