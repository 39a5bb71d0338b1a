#ifndef LUNA_GATEWAY_LOG_PIPES_H
#define LUNA_GATEWAY_LOG_PIPES_H

#include <ngx_config.h>
#include <ngx_core.h>

/* Logs that are pipes, as in a container, lose a line where their reader does not keep up; nginx
 * would wait for it, all connections with it. nginx itself writes an alert about it, at most one a
 * minute. Not for a log that is opened again by USR1. */
void log_pipes_never_wait(ngx_cycle_t *cycle);

#endif
