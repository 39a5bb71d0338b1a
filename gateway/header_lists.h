#ifndef LUNA_GATEWAY_HEADER_LISTS_H
#define LUNA_GATEWAY_HEADER_LISTS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <stdbool.h>

/* Headers that are lists, and may be sent in several lines (RFC 9110, 5.3). */

/* Appends to `list`, which is empty at first, after a comma. The time for many lines grows with
 * their length in all. False: out of memory, or too long; `list` stays as it is. */
bool header_list_append(ngx_pool_t *pool, ngx_str_t *list, ngx_str_t text);
/* Of this configuration, once it is in force: nginx refuses a second line of If-None-Match; now it
 * is read with the first. "-gzip", which Apache appends to the tags of what it compresses, is taken
 * off. */
void header_lists_accept(ngx_cycle_t *cycle);

#endif
