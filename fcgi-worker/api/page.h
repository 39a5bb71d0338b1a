/*
 * page.h: the pages of a long list: the parameters `limit` and `cursor`, and the way to the next
 * page. A list asks its store for one record more than `limit`, to know whether a page follows.
 */
#ifndef FCGI_WORKER_API_PAGE_H
#define FCGI_WORKER_API_PAGE_H

#include "luna/base/buf.h"
#include "request/exchange.h"

struct page_query {
    int64_t limit;  /* records a page */
    int64_t cursor; /* of the last record of the page before; 0: the first page */
};

/* The query, for a path without other parameters. Complains of what is wrong. */
void page_read_query(struct exchange *exchange, struct page_query *ret_query);
/* Adds a Link to the next page of /api/v1/{account_id}/`list`, unless `next` is 0. */
void page_link_next(struct exchange *exchange, const char *list, const struct page_query *query,
                    int64_t next);
/* ,"has_more":true,"next_cursor":"7"; `next` is 0 on the last page. */
void page_put_next(struct luna_buf *out, int64_t next);

#endif
