/*
 * status.h: /status, the scoreboard as JSON: what `luna status` and `luna top` read.
 */
#ifndef FCGI_WORKER_STATUS_H
#define FCGI_WORKER_STATUS_H

#include "luna/base/buf.h"
#include "monitor/busiest.h"
#include "monitor/recent.h"
#include "shared/names.h"

#include <stdint.h>

void status_put(const struct scoreboard *board, const struct names *names,
                const struct recent *recent, const struct busiest *busiest, int64_t now_ns,
                struct luna_buf *out);

#endif
