#include "counters.h"

#include "gateway.h"

enum { LINE_BYTES_MAX = 96, STATUSES = STATUS_END - STATUS_FIRST };

static const char *const by_names[COUNTED_BY] = {"gateway", "pool"};

static const char head_of_answers[] = "# HELP luna_gateway_answers_total Answers by status, and by "
                                      "who gave them: the gateway itself, "
                                      "or the pool behind it.\n"
                                      "# TYPE luna_gateway_answers_total counter\n";

/* Exported from the start: an alert cannot see the first of a series that begins with it. */
static const ngx_uint_t always_exported[] = {429, 500, 502, 503, 504};

/* --- counting --- */

static ngx_uint_t status_of(const ngx_http_request_t *r)
{
    return r->err_status != 0 ? r->err_status : r->headers_out.status;
}

static void answer_count(const ngx_http_request_t *r, struct gateway_counters *counters)
{
    ngx_uint_t status = status_of(r);
    if (status < STATUS_FIRST || status >= STATUS_END)
        return;
    bool is_pools = r->upstream != NULL && r->upstream->headers_in.status_n == status;
    ngx_atomic_t *count =
        &counters->answers[is_pools ? COUNTED_POOL : COUNTED_GATEWAY][status - STATUS_FIRST];
    (void)ngx_atomic_fetch_add(count, 1);
}

/* --- the page --- */

static bool is_exported(const struct gateway_counters *counters, ngx_uint_t by, ngx_uint_t status)
{
    if (counters->answers[by][status - STATUS_FIRST] != 0)
        return true;
    bool is_always = false;
    for (size_t i = 0; i < sizeof always_exported / sizeof always_exported[0]; i++)
        is_always = is_always || always_exported[i] == status;
    return is_always && by == COUNTED_GATEWAY;
}

static u_char *answers_write(const struct gateway_counters *counters, u_char *at)
{
    at = ngx_cpymem(at, head_of_answers, sizeof head_of_answers - 1);
    for (ngx_uint_t by = 0; by < COUNTED_BY; by++) {
        for (ngx_uint_t status = STATUS_FIRST; status < STATUS_END; status++) {
            if (is_exported(counters, by, status))
                at =
                    ngx_sprintf(at, "luna_gateway_answers_total{by=\"%s\",status=\"%ui\"} %uA\n",
                                by_names[by], status, counters->answers[by][status - STATUS_FIRST]);
        }
    }
    return at;
}

static u_char *single_write(u_char *at, const char *name, const char *type, const char *help,
                            ngx_atomic_uint_t value)
{
    return ngx_sprintf(at,
                       "# HELP luna_gateway_%s %s\n# TYPE luna_gateway_%s %s\n"
                       "luna_gateway_%s %uA\n",
                       name, help, name, type, name, value);
}

static u_char *page_write(const struct gateway_counters *counters, u_char *at)
{
    at = answers_write(counters, at);
    at = single_write(at, "connections_refused_total", "counter",
                      "Connections that were reset because their source had too many.",
                      counters->connections_refused);
    at = single_write(at, "log_lines_dropped_total", "counter",
                      "Lines of the access log that could not be written.",
                      counters->log_lines_dropped);
#if (NGX_STAT_STUB)
    at = single_write(at, "connections", "gauge", "Connections to clients that are open.",
                      *ngx_stat_active);
#endif
    return at;
}

static ngx_int_t page_send(ngx_http_request_t *r, ngx_buf_t *page)
{
    ngx_str_set(&r->headers_out.content_type, "text/plain; version=0.0.4; charset=utf-8");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = page->last - page->pos;
    ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only)
        return rc;
    ngx_chain_t *chain = ngx_alloc_chain_link(r->pool);
    if (chain == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    *chain = (ngx_chain_t){.buf = page};
    return ngx_http_output_filter(r, chain);
}

static ngx_int_t page_answer(ngx_http_request_t *r)
{
    enum { LINES_BESIDE_ANSWERS = 12 }; /* of a few hundred bytes, the heads among them */
    if ((r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0)
        return NGX_HTTP_NOT_ALLOWED;
    if (gateway.tables == NULL)
        return NGX_HTTP_NOT_FOUND;
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK)
        return rc;
    size_t lines = (size_t)COUNTED_BY * STATUSES + 4 * (size_t)LINES_BESIDE_ANSWERS;
    ngx_buf_t *page = ngx_create_temp_buf(r->pool, lines * LINE_BYTES_MAX);
    if (page == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    page->last = page_write(gateway.tables->counters, page->pos);
    page->last_buf = 1;
    return page_send(r, page);
}

char *counters_set_page(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    ngx_http_core_loc_conf_t *location =
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    (void)command;
    (void)conf;
    location->handler = page_answer;
    return NGX_CONF_OK;
}

/* --- the phase LOG --- */

/* Of nginx: it writes the access log. */
static ngx_http_handler_pt access_log_write;

/* nginx says nowhere else that a line was lost: its handler always returns NGX_OK. It makes one
 * system call for each log, the write, and leaves its error in errno. After ENOSPC it makes none
 * until the second is over. */
static bool is_line_dropped(ngx_http_request_t *r, ngx_int_t *ret_rc)
{
    static time_t full_s;
    bool is_left_out = full_s == ngx_time() && r->content_handler != page_answer;
    ngx_set_errno(0);
    *ret_rc = access_log_write(r);
    if (ngx_errno == NGX_ENOSPC)
        full_s = ngx_time();
    return ngx_errno != 0 || is_left_out;
}

static ngx_int_t access_log_write_counted(ngx_http_request_t *r)
{
    ngx_int_t rc = NGX_OK;
    bool is_dropped = is_line_dropped(r, &rc);
    if (gateway.tables == NULL)
        return rc;
    struct gateway_counters *counters = gateway.tables->counters;
    if (is_dropped)
        (void)ngx_atomic_fetch_add(&counters->log_lines_dropped, 1);
    if (r->content_handler != page_answer)
        answer_count(r, counters);
    return rc;
}

ngx_int_t counters_wrap_log(ngx_http_core_main_conf_t *core)
{
    ngx_array_t *handlers = &core->phases[NGX_HTTP_LOG_PHASE].handlers;
    ngx_http_handler_pt *first = handlers->elts;
    if (handlers->nelts == 0)
        return NGX_ERROR;
    access_log_write = *first;
    *first = access_log_write_counted;
    return NGX_OK;
}
