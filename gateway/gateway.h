#ifndef LUNA_GATEWAY_GATEWAY_H
#define LUNA_GATEWAY_GATEWAY_H

#include "source_table.h"

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* What the files of the module share: its settings, and the tables in shared memory. */

/* `key` is NULL where the directive is not given. */
struct refusal_settings {
    ngx_http_complex_value_t *key;
    struct source_refusal_limits limits;
};

struct gateway_settings {
    ngx_shm_zone_t *zone;
    ngx_uint_t connections_max;        /* NGX_CONF_UNSET_UINT: no bound */
    struct refusal_settings by_source; /* refused keys (401, 403) of one source */
    struct refusal_settings by_key;    /* refused requests (429, 409) of one key */
    ngx_msec_t delay_ms;               /* of an answer that the throttle gives, on average */
    ngx_uint_t waiting_max;            /* requests of one source that wait for that answer */
};

struct gateway_counters;

/* Each table counts by source: open connections and refusals in one, requests that wait in the
 * other, as if they were connections. Both are used under the lock. */
struct gateway_tables {
    struct source_table *sources, *waiting;
    struct gateway_counters *counters;
};

/* Of the cycle that this process serves; a process that ends keeps its own. `tables` is NULL where
 * no zone is set. */
struct gateway {
    struct gateway_settings *settings;
    struct gateway_tables *tables;
    ngx_shmtx_t *mutex;
};

extern struct gateway gateway;

/* source_table_open() of this process, under the lock. Where something cannot be counted, what
 * killed processes left behind may be in its place: then it is tried once more. */
enum source_outcome gateway_open(struct source_table *table, struct source_id id, ngx_uint_t most,
                                 uint32_t *ret_number) __attribute__((warn_unused_result));

#endif
