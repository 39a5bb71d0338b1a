#include "variables.h"

#include "source_table.h"

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* $luna_source: what nginx's own limits count by. Empty where there is no address. */
static ngx_int_t source_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                                 uintptr_t unused)
{
    struct source_id *id = ngx_pnalloc(r->pool, sizeof *id);
    (void)unused;
    if (id == NULL)
        return NGX_ERROR;
    bool found = source_id_from_address(r->connection->sockaddr, id);
    value->len = found ? sizeof id->bytes : 0;
    value->data = id->bytes;
    value->valid = 1;
    value->no_cacheable = 0;
    value->not_found = 0;
    return NGX_OK;
}

static bool header_is_repeated(ngx_http_request_t *r, const char *name)
{
    ngx_uint_t count = 0;
    size_t len = ngx_strlen(name);
    for (ngx_list_part_t *part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        const ngx_table_elt_t *headers = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++)
            count +=
                headers[i].key.len == len && ngx_strncmp(headers[i].lowcase_key, name, len) == 0;
    }
    return count > 1;
}

/* $luna_repeated_credential: "1" where a header that holds a key was sent twice, else empty. The
 * variables $http_x_api_key and $http_authorization have the first one only. */
static ngx_int_t repeated_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                                   uintptr_t unused)
{
    static u_char yes[] = "1";
    (void)unused;
    value->len = header_is_repeated(r, "x-api-key") || header_is_repeated(r, "authorization");
    value->data = yes;
    value->valid = 1;
    value->no_cacheable = 0;
    value->not_found = 0;
    return NGX_OK;
}

ngx_int_t gateway_variables_add(ngx_conf_t *cf)
{
    static struct {
        ngx_str_t name;
        ngx_http_get_variable_pt get;
    } variables[] = {{ngx_string("luna_source"), source_variable},
                     {ngx_string("luna_repeated_credential"), repeated_variable}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        ngx_http_variable_t *variable = ngx_http_add_variable(cf, &variables[i].name, 0);
        if (variable == NULL)
            return NGX_ERROR;
        variable->get_handler = variables[i].get;
    }
    return NGX_OK;
}
