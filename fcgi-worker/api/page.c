#include "api/page.h"

#include "api/input.h"

#include <assert.h>

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 100 };

void page_read_query(struct exchange *exchange, struct page_query *ret_query)
{
    const struct input_number numbers[] = {
        {"limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &ret_query->limit},
        {"cursor", 1, INT64_MAX, 0, &ret_query->cursor},
        {.name = NULL}};
    input_read_query(exchange, numbers);
}

void page_link_next(struct exchange *exchange, const char *list, const struct page_query *query,
                    int64_t next)
{
    assert(query->limit >= 1 && next >= 0);
    if (next != 0)
        http_header_add(&exchange->pipeline->response, "Link",
                        "</api/v1/%lld/%s?limit=%lld&cursor=%lld>; rel=\"next\"",
                        (long long)exchange->ids.account_id, list, (long long)query->limit,
                        (long long)next);
}

void page_put_next(struct luna_buf *out, int64_t next)
{
    if (next != 0)
        luna_buf_printf(out, ",\"has_more\":true,\"next_cursor\":\"%lld\"", (long long)next);
    else
        luna_buf_puts(out, ",\"has_more\":false,\"next_cursor\":null");
}
