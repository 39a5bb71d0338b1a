#ifndef LUNA_GATEWAY_COUNTERS_H
#define LUNA_GATEWAY_COUNTERS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* What nginx has answered since it started, for Prometheus: nginx's own status page has no status
 * codes, and the workers cannot count requests that never reach them (502, 504, the limits). The
 * counts are in shared memory and last through a reload. */

enum counted_by { COUNTED_GATEWAY, COUNTED_POOL, COUNTED_BY };
enum { STATUS_FIRST = 100, STATUS_END = 600 };

/* Changed by atomic operations, without the lock of the zone. */
struct gateway_counters {
    ngx_atomic_t answers[COUNTED_BY][STATUS_END - STATUS_FIRST];
    ngx_atomic_t connections_refused, log_lines_dropped;
};

/* Puts a handler into the phase LOG, which calls nginx's handler of the access log, and counts the
 * request and lines that were dropped. To be called after nginx has added its handler. */
ngx_int_t counters_wrap_log(ngx_http_core_main_conf_t *core);

/* The slot of luna_gateway_metrics: the location answers with the counts, in the text format of
 * Prometheus. */
char *counters_set_page(ngx_conf_t *cf, ngx_command_t *command, void *conf);

#endif
