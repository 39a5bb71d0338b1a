/*
 * metrics.h: /metrics, the scoreboard as Prometheus text.
 */
#ifndef FCGI_WORKER_METRICS_H
#define FCGI_WORKER_METRICS_H

#include "luna/base/buf.h"
#include "shared/names.h"

#include <stdint.h>

void metrics_put(const struct scoreboard *board, const struct names *names, int64_t now_ns,
                 struct luna_buf *out);

#endif
