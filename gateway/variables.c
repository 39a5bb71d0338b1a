#include "variables.h"

#include "header_lists.h"
#include "source_table.h"

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

static void value_set(ngx_http_variable_value_t *value, u_char *data, size_t len)
{
    enum { LEN_MAX = 0xfffffff }; /* of nginx's member; a header is far shorter */
    value->data = data;
    value->len = len & LEN_MAX;
    value->valid = 1;
    value->no_cacheable = 0;
    value->not_found = 0;
}

/* $luna_source: what nginx's own limits count by. Empty where there is no address. */
static ngx_int_t source_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                                 uintptr_t unused)
{
    struct source_id *id = ngx_pnalloc(r->pool, sizeof *id);
    (void)unused;
    if (id == NULL)
        return NGX_ERROR;
    bool found = source_id_from_address(r->connection->sockaddr, id);
    value_set(value, id->bytes, found ? sizeof id->bytes : 0);
    return NGX_OK;
}

struct header_walk {
    const ngx_list_part_t *part;
    ngx_uint_t at;
};

/* NULL: there are no more. */
static const ngx_table_elt_t *header_next(struct header_walk *walk)
{
    while (walk->part != NULL && walk->at == walk->part->nelts) {
        walk->part = walk->part->next;
        walk->at = 0;
    }
    if (walk->part == NULL)
        return NULL;
    const ngx_table_elt_t *headers = walk->part->elts;
    return &headers[walk->at++];
}

static bool header_is(const ngx_table_elt_t *header, const ngx_str_t *name)
{
    return header->key.len == name->len &&
           ngx_memcmp(header->lowcase_key, name->data, name->len) == 0;
}

/* What a worker reads and may be sent once: of two, nobody knows which one is meant. nginx itself
 * refuses a second Content-Length and If-None-Match. */
static const ngx_str_t single_headers[] = {
    ngx_string("x-api-key"),    ngx_string("authorization"),    ngx_string("idempotency-key"),
    ngx_string("content-type"), ngx_string("content-encoding"), ngx_string("origin")};

enum { SINGLE_HEADERS = sizeof single_headers / sizeof single_headers[0] };

/* $luna_repeated_header: the name of one of them that was sent twice, else empty. nginx's variables
 * have the first, or with its later versions all of them, joined. */
static ngx_int_t repeated_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                                   uintptr_t unused)
{
    struct header_walk walk = {.part = &r->headers_in.headers.part};
    bool seen[SINGLE_HEADERS] = {false};
    (void)unused;
    value_set(value, NULL, 0);
    for (const ngx_table_elt_t *header = header_next(&walk); header != NULL && value->len == 0;
         header = header_next(&walk)) {
        ngx_uint_t name = 0;
        while (name < SINGLE_HEADERS && !header_is(header, &single_headers[name]))
            name++;
        if (name < SINGLE_HEADERS && seen[name])
            value_set(value, single_headers[name].data, single_headers[name].len);
        else if (name < SINGLE_HEADERS)
            seen[name] = true;
    }
    return NGX_OK;
}

/* $luna_accept: Accept, which may be sent in several lines (RFC 9110, 5.3), as one. */
static ngx_int_t accept_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                                 uintptr_t unused)
{
    static const ngx_str_t name = ngx_string("accept");
    struct header_walk walk = {.part = &r->headers_in.headers.part};
    ngx_str_t list = ngx_null_string;
    (void)unused;
    for (const ngx_table_elt_t *header = header_next(&walk); header != NULL;
         header = header_next(&walk)) {
        if (header_is(header, &name))
            (void)header_list_append(r->pool, &list, header->value);
    }
    value_set(value, list.data, list.len);
    return NGX_OK;
}

ngx_int_t gateway_variables_add(ngx_conf_t *cf)
{
    static struct {
        ngx_str_t name;
        ngx_http_get_variable_pt get;
    } variables[] = {{ngx_string("luna_source"), source_variable},
                     {ngx_string("luna_repeated_header"), repeated_variable},
                     {ngx_string("luna_accept"), accept_variable}};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        ngx_http_variable_t *variable = ngx_http_add_variable(cf, &variables[i].name, 0);
        if (variable == NULL)
            return NGX_ERROR;
        variable->get_handler = variables[i].get;
    }
    return NGX_OK;
}
