/*
 * pool_status.h: the /status page of the worker pool's monitor, as numbers. The only user of
 * jansson in this program.
 *
 * A value that is missing in the page reads as 0 or "", so that pools of other versions can be read
 * too.
 */
#ifndef CLI_POOL_STATUS_H
#define CLI_POOL_STATUS_H

#include "luna/base/buf.h"
#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    POOL_WORKERS_MAX = 256,
    POOL_WORD_BYTES = 16,
    POOL_ID_BYTES = 65,
    POOL_REASON_BYTES = 64,
    POOL_KEYS_MAX = 10,
    POOL_KEY_BYTES = 17
};

struct pool_worker {
    int64_t slot, pid, generation, requests, resident_bytes;
    char state[POOL_WORD_BYTES];
    bool busy; /* the members below describe its current request */
    int64_t account_id, busy_ms, body_bytes;
    char phase[POOL_WORD_BYTES];
    char route[POOL_WORD_BYTES];
    char request_id[POOL_ID_BYTES];
};

/* The last minute, or the time since the monitor started. */
struct pool_minute {
    int64_t ms; /* 0: the pool does not count it */
    int64_t requests, failed, points, units, shed, client_left, slow;
    int64_t redis_errors, postgresql_errors;
    int64_t queue_wait_p50_us, queue_wait_p99_us, duration_p50_us, duration_p99_us;
};

/* A key that keeps the workers busy, over the same time. */
struct pool_key {
    int64_t account_id, busy_ms_per_s;
    char key[POOL_KEY_BYTES];
};

struct pool_status {
    bool ready, crash_looping, stopping;
    char reason[POOL_REASON_BYTES];
    int64_t uptime_ms, generation, target, min, max, backlog_depth, backlog_max;
    int64_t crashes, kills, recycles, reloads, reload_rollbacks, upgrades, upgrade_rollbacks;
    int64_t requests, busy, points, units, shed, client_left, slow, starts;
    int64_t queue_wait_p50_us, queue_wait_p99_us, duration_p50_us, duration_p99_us;
    struct pool_minute minute;
    struct pool_worker workers[POOL_WORKERS_MAX];
    size_t worker_count;
    struct pool_key keys[POOL_KEYS_MAX]; /* the busiest first */
    size_t key_count;
};

/* Reads the page of the monitor at `address`; `page` holds the response body afterwards. */
enum luna_code pool_status_get(const char *address, struct luna_buf *page,
                               struct pool_status *ret_status,
                               struct luna_error *err) LUNA_MUSTCHECK;
/* Parses a page; LUNA_EPROTOCOL when it is not a /status page. */
enum luna_code pool_status_read(const char *page, size_t len, struct pool_status *ret_status,
                                struct luna_error *err) LUNA_MUSTCHECK;

#endif
