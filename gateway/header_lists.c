#include "header_lists.h"

enum { LIST_BYTES_MIN = 64, LIST_BYTES_MAX = 16384 /* of all lines of one header */ };

/* What a list of this length has room for: a power of two. */
static size_t capacity_of(size_t len)
{
    size_t bytes = LIST_BYTES_MIN;
    while (bytes < len)
        bytes *= 2;
    return bytes;
}

bool header_list_append(ngx_pool_t *pool, ngx_str_t *list, ngx_str_t text)
{
    size_t separator = list->len > 0 ? 2 : 0;
    size_t len = list->len + separator + text.len;
    if (len > LIST_BYTES_MAX)
        return false;
    u_char *data = list->data;
    if (list->len == 0 || len > capacity_of(list->len)) {
        data = ngx_pnalloc(pool, capacity_of(len));
        if (data == NULL)
            return false;
        ngx_memcpy(data, list->data, list->len);
    }
    ngx_memcpy(data + list->len, ", ", separator);
    ngx_memcpy(data + list->len + separator, text.data, text.len);
    *list = (ngx_str_t){.data = data, .len = len};
    return true;
}

/* Removes "-gzip" before each closing quote, in place. */
static void suffixes_remove(ngx_str_t *tags)
{
    static const u_char suffix[] = "-gzip\"";
    const size_t suffix_len = sizeof suffix - 1;
    size_t used = 0;
    for (size_t i = 0; i < tags->len; i++) {
        bool is_suffix =
            tags->len - i >= suffix_len && ngx_memcmp(tags->data + i, suffix, suffix_len) == 0;
        if (is_suffix)
            i += suffix_len - 1; /* to its quote */
        tags->data[used++] = tags->data[i];
    }
    tags->len = used;
}

/* In place of nginx's own, for each line of the header. A line that there is no memory for is left
 * out: the answer is then sent whole. */
static ngx_int_t if_none_match_read(ngx_http_request_t *r, ngx_table_elt_t *header,
                                    ngx_uint_t offset)
{
    ngx_table_elt_t *first = r->headers_in.if_none_match;
    (void)offset;
    suffixes_remove(&header->value);
    if (first == NULL) {
        ngx_str_t list = ngx_null_string;
        if (!header_list_append(r->pool, &list, header->value))
            return NGX_OK; /* not the first: what nginx has of it cannot be appended to */
        header->value = list;
        r->headers_in.if_none_match = header;
        return NGX_OK;
    }
    (void)header_list_append(r->pool, &first->value, header->value);
    return NGX_OK;
}

void header_lists_accept(ngx_cycle_t *cycle)
{
    static u_char name[] = "if-none-match";
    ngx_http_core_main_conf_t *core =
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);
    if (core == NULL)
        return;
    ngx_http_header_t *header = ngx_hash_find(
        &core->headers_in_hash, ngx_hash_key(name, sizeof name - 1), name, sizeof name - 1);
    if (header != NULL)
        header->handler = if_none_match_read;
}
