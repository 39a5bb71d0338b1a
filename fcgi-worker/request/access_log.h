/*
 * access_log.h: one line per request, and one more for a slow one.
 *
 * Never a key, never a body. Times are in microseconds; untrusted text is escaped by the logger.
 */
#ifndef FCGI_WORKER_ACCESS_LOG_H
#define FCGI_WORKER_ACCESS_LOG_H

#include "request/exchange.h"

/* `sample` is what the scoreboard counts of the same request. */
void access_log_write(const struct exchange *exchange, const struct scoreboard_sample *sample);

#endif
