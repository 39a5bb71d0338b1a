/*
 * clocks.h: asks Redis and PostgreSQL for the time. Private to the store.
 */
#ifndef LUNA_STORE_CLIENT_CLOCKS_H
#define LUNA_STORE_CLIENT_CLOCKS_H

#include "luna/base/clock.h"
#include "luna/base/error.h"
#include "luna/store/clocks.h"
#include "luna/store/counters.h"
#include "luna/store/database.h"

/* Both note the time. LUNA_EUNAVAILABLE, LUNA_ETIMEOUT. */
enum luna_code luna_clocks_ask_redis(struct luna_clocks *clocks, struct luna_counters *counters,
                                     struct luna_deadline deadline, int64_t *ret_redis_ms,
                                     struct luna_error *err) LUNA_MUSTCHECK;
enum luna_code luna_clocks_ask_database(struct luna_clocks *clocks, struct luna_database *database,
                                        struct luna_deadline deadline,
                                        struct luna_error *err) LUNA_MUSTCHECK;

#endif
