#ifndef LUNA_GATEWAY_THROTTLE_H
#define LUNA_GATEWAY_THROTTLE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* Throttles a source whose keys are refused, and a key that goes on while its requests are refused:
 * with 429, after a wait. */

/* Handler of the phase PREACCESS. */
ngx_int_t throttle_request(ngx_http_request_t *r);

/* Handler of the phase LOG: counts what became of the request's key. */
ngx_int_t throttle_count(ngx_http_request_t *r);

#endif
