#ifndef LUNA_GATEWAY_VARIABLES_H
#define LUNA_GATEWAY_VARIABLES_H

#include <ngx_config.h>
#include <ngx_core.h>

/* Makes the module's variables known to nginx, before it reads the directives: $luna_source,
 * $luna_repeated_header and $luna_accept. */
ngx_int_t gateway_variables_add(ngx_conf_t *cf);

#endif
