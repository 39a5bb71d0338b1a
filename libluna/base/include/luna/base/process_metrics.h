/*
 * process_metrics.h: the process metrics of a daemon, under the standard names of Prometheus
 * clients.
 *
 * For the monitor of a worker pool and quota-syncd. Reads /proc/self; a value that cannot be read
 * is omitted.
 */
#ifndef LUNA_BASE_PROCESS_METRICS_H
#define LUNA_BASE_PROCESS_METRICS_H

#include "luna/base/buf.h"

/* luna_build_info{program,version,compiler} 1. The texts are not escaped. */
void luna_metrics_put_build(struct luna_buf *out, const char *program, const char *version);
/* process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
 * process_open_fds, process_max_fds, process_start_time_seconds of the calling process. */
void luna_metrics_put_process(struct luna_buf *out);

#endif
