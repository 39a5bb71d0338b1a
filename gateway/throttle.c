#include "throttle.h"

#include "gateway.h"

enum {
    HELD_AT_ONE_DELAY = 64,
    FACTOR_MAX = 16,
    BYTES_OF_ONE_WEIGHT = 65536,
};

/* Announced neither here nor by the end of the stream. */
static bool has_unknown_length(const ngx_http_request_t *r)
{
    return r->headers_in.content_length_n < 0 &&
           (r->headers_in.chunked || (r->stream != NULL && !r->stream->in_closed));
}

/* A megabyte that is refused costs nginx and a worker as much as many small requests. */
static uint32_t weight_of(const ngx_http_request_t *r)
{
    off_t parts = r->headers_in.content_length_n / BYTES_OF_ONE_WEIGHT;
    if (parts >= SOURCE_WEIGHT_MAX || has_unknown_length(r))
        return SOURCE_WEIGHT_MAX;
    return parts > 0 ? 1 + (uint32_t)parts : 1;
}

/* A number that is too large for an account is as good as another one. */
static uint32_t account_of(const ngx_str_t *uri)
{
    static const char before[] = "/api/v1/";
    size_t at = sizeof before - 1;
    uint32_t account = 0;
    if (uri->len < at || ngx_strncmp(uri->data, before, at) != 0)
        return 0;
    for (; at < uri->len && uri->data[at] >= '0' && uri->data[at] <= '9'; at++)
        account = account * 10 + (uint32_t)(uri->data[at] - '0');
    return account;
}

/* False where the request brings no key, or `refusals` counts nothing. */
static bool request_of(ngx_http_request_t *r, const struct refusal_settings *refusals,
                       struct source_request *ret_request)
{
    ngx_str_t key;
    if (refusals->key == NULL || r != r->main ||
        ngx_http_complex_value(r, refusals->key, &key) != NGX_OK || key.len == 0)
        return false;
    *ret_request = (struct source_request){.key = key.data,
                                           .key_bytes = key.len,
                                           .account = account_of(&r->uri),
                                           .weight = weight_of(r)};
    return true;
}

/* A key that counts as a source has no other keys. */
static struct source_id id_of_key(struct source_request *request)
{
    struct source_id id =
        source_id_from_key(gateway.tables->sources, request->key, request->key_bytes);
    request->key_bytes = 0;
    return id;
}

/* The data of the request's cleanup with this handler; NULL: it has none. Not the request's
 * context, which an internal redirect to an error page clears. */
static void *cleanup_data(const ngx_http_request_t *r, ngx_pool_cleanup_pt handler)
{
    for (ngx_pool_cleanup_t *cleanup = r->pool->cleanup; cleanup != NULL; cleanup = cleanup->next) {
        if (cleanup->handler == handler)
            return cleanup->data;
    }
    return NULL;
}

/* --- requests that wait with their 429 --- */

/* Requests that this process holds back. */
static ngx_uint_t held;

static void held_ended(void *data)
{
    const uint32_t *number = data;
    held--;
    ngx_shmtx_lock(gateway.mutex);
    source_table_close(gateway.tables->waiting, *number, ngx_current_msec);
    ngx_shmtx_unlock(gateway.mutex);
}

/* False where as many requests of the source wait already as may. limit_conn does not count them:
 * it comes after this handler, so that it never answers at once what is to wait. */
static bool waiting_admit(ngx_http_request_t *r, ngx_pool_cleanup_t *cleanup)
{
    struct source_id id;
    if (!source_id_from_address(r->connection->sockaddr, &id))
        return false;
    ngx_shmtx_lock(gateway.mutex);
    enum source_outcome outcome = gateway_open(
        gateway.tables->waiting, id, gateway.settings->waiting_max, (uint32_t *)cleanup->data);
    ngx_shmtx_unlock(gateway.mutex);
    return outcome == SOURCE_ADMITTED;
}

/* The more are held back, the longer: many sources would else have many answers a second together.
 * Spread, or clients that were refused together would come back together, each with a body. */
static ngx_msec_t delay_of_next(void)
{
    ngx_uint_t factor = 1 + held / HELD_AT_ONE_DELAY;
    ngx_msec_t delay_ms = gateway.settings->delay_ms * (factor < FACTOR_MAX ? factor : FACTOR_MAX);
    return delay_ms / 2 + (ngx_msec_t)ngx_random() % delay_ms;
}

/* The time is over: the phases run on, and the throttle answers. */
static void delay_ended(ngx_http_request_t *r)
{
    ngx_event_t *write = r->connection->write;
    if (write->delayed) {
        if (ngx_handle_write_event(write, 0) != NGX_OK)
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }
    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}

/* A client that repeats a refused request at once would have as many answers as this process can
 * give. One that waits for its answer costs a timer. The phases call throttle_request() again
 * afterwards, which finds the cleanup. Follows ngx_http_limit_req_module. */
static ngx_int_t delay_start(ngx_http_request_t *r)
{
    ngx_event_t *write = r->connection->write;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(uint32_t));
    if (cleanup == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (!waiting_admit(r, cleanup))
        return NGX_HTTP_TOO_MANY_REQUESTS;
    cleanup->handler = held_ended;
    held++;
    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = delay_ended;
    write->delayed = 1;
    ngx_add_timer(write, delay_of_next());
    return NGX_AGAIN;
}

/* --- whether a request enters --- */

/* A request that counts as refused until it ends otherwise. */
struct counted {
    struct source_id source, key;
    uint32_t by_source, by_key; /* their weight; 0: not counted */
};

/* What is not refused is given back. */
static void counted_ended(void *data)
{
    const struct counted *counted = data;
    const struct gateway_settings *settings = gateway.settings;
    struct source_table *table = gateway.tables->sources;
    ngx_shmtx_lock(gateway.mutex);
    if (counted->by_source != 0)
        source_table_give_back(table, counted->source, counted->by_source,
                               settings->by_source.limits, ngx_current_msec);
    if (counted->by_key != 0)
        source_table_give_back(table, counted->key, counted->by_key, settings->by_key.limits,
                               ngx_current_msec);
    ngx_shmtx_unlock(gateway.mutex);
}

/* The two below are called under the lock. */
static enum source_entry enter_by_source(ngx_http_request_t *r, struct counted *counted)
{
    const struct refusal_settings *refusals = &gateway.settings->by_source;
    struct source_request request;
    if (!request_of(r, refusals, &request) ||
        !source_id_from_address(r->connection->sockaddr, &counted->source))
        return SOURCE_ENTERS;
    enum source_entry entry = source_table_enter(gateway.tables->sources, counted->source, request,
                                                 refusals->limits, ngx_current_msec);
    counted->by_source = entry == SOURCE_ENTERS_COUNTED ? request.weight : 0;
    return entry;
}

static enum source_entry enter_by_key(ngx_http_request_t *r, struct counted *counted)
{
    const struct refusal_settings *refusals = &gateway.settings->by_key;
    struct source_request request;
    if (!request_of(r, refusals, &request))
        return SOURCE_ENTERS;
    counted->key = id_of_key(&request);
    enum source_entry entry = source_table_enter(gateway.tables->sources, counted->key, request,
                                                 refusals->limits, ngx_current_msec);
    counted->by_key = entry == SOURCE_ENTERS_COUNTED ? request.weight : 0;
    return entry;
}

/* False where it is throttled. *ret_counted says what counts from now on, in either case. */
static bool enter(ngx_http_request_t *r, struct counted *ret_counted)
{
    struct counted counted = {0};
    ngx_shmtx_lock(gateway.mutex);
    bool enters = enter_by_source(r, &counted) != SOURCE_THROTTLED &&
                  enter_by_key(r, &counted) != SOURCE_THROTTLED;
    ngx_shmtx_unlock(gateway.mutex);
    *ret_counted = counted;
    return enters;
}

/* Where there is no memory, what counts is forgotten with time. */
static ngx_int_t counted_keep(ngx_http_request_t *r, const struct counted *counted)
{
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof *counted);
    if (cleanup == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    *(struct counted *)cleanup->data = *counted;
    cleanup->handler = counted_ended;
    return NGX_DECLINED;
}

ngx_int_t throttle_request(ngx_http_request_t *r)
{
    struct counted counted;
    if (r->internal)
        return NGX_DECLINED;
    if (gateway.tables == NULL)
        return NGX_DECLINED;
    if (cleanup_data(r, held_ended) != NULL)
        return NGX_HTTP_TOO_MANY_REQUESTS; /* it has waited */
    bool enters = enter(r, &counted);
    if (counted.by_source + counted.by_key != 0 && counted_keep(r, &counted) != NGX_DECLINED)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (enters)
        return NGX_DECLINED;
    return gateway.settings->delay_ms != 0 ? delay_start(r) : NGX_HTTP_TOO_MANY_REQUESTS;
}

/* --- what became of it --- */

enum key_outcome {
    KEY_UNKNOWN, /* no worker was asked, or its answer does not depend on the key */
    KEY_ACCEPTED,
    KEY_REFUSED,
    KEY_LIMITED,   /* the key is good; a limit of the account, or a retry too early, refuses */
    KEY_UNCHECKED, /* something was answered, or the client left, before the key was checked */
};

/* A worker states the limits of the account only to a key that it has accepted. A success alone
 * proves nothing: OPTIONS and /livez answer anybody. */
static bool states_limits(const ngx_http_upstream_t *upstream)
{
    static u_char name[] = "RateLimit"; /* as nginx takes it */
    const ngx_list_part_t *part = &upstream->headers_in.headers.part;
    for (; part != NULL; part = part->next) {
        const ngx_table_elt_t *headers = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (headers[i].key.len == sizeof name - 1 &&
                ngx_strncasecmp(headers[i].key.data, name, sizeof name - 1) == 0)
                return true;
        }
    }
    return false;
}

/* Of the statuses that do not depend on the key alone. 422 without limits: some are said after the
 * key was accepted, none before. */
static enum key_outcome answer_outcome_of(const ngx_http_upstream_t *upstream)
{
    enum { NO_RESULT = 422 };
    ngx_uint_t status = upstream->headers_in.status_n;
    if (status >= NGX_HTTP_INTERNAL_SERVER_ERROR || status == NO_RESULT)
        return KEY_UNKNOWN;
    return states_limits(upstream) ? KEY_ACCEPTED : KEY_UNCHECKED;
}

static enum key_outcome key_outcome_of(const ngx_http_request_t *r)
{
    if (r->upstream == NULL)
        return KEY_UNKNOWN;
    ngx_uint_t status = r->upstream->headers_in.status_n;
    if (status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN)
        return KEY_REFUSED;
    if (status == NGX_HTTP_TOO_MANY_REQUESTS || status == NGX_HTTP_CONFLICT)
        return KEY_LIMITED;
    if (status != 0)
        return answer_outcome_of(r->upstream);
    return r->headers_out.status == NGX_HTTP_CLIENT_CLOSED_REQUEST ? KEY_UNCHECKED : KEY_UNKNOWN;
}

static void key_count(enum key_outcome outcome, struct source_id id, struct source_request request)
{
    struct source_table *table = gateway.tables->sources;
    struct source_refusal_limits limits = gateway.settings->by_source.limits;
    if (outcome == KEY_ACCEPTED)
        source_table_accept(table, id, request, ngx_current_msec);
    else if (outcome == KEY_REFUSED)
        source_table_refuse(table, id, request, limits, ngx_current_msec);
    else
        source_table_abandon(table, id, request, limits, ngx_current_msec);
}

static void source_count(ngx_http_request_t *r, enum key_outcome outcome, struct counted *counted)
{
    struct source_id id;
    struct source_request request;
    if (counted != NULL && counted->by_source != 0 && outcome != KEY_ACCEPTED) {
        counted->by_source = 0; /* stays counted */
        return;
    }
    if (!request_of(r, &gateway.settings->by_source, &request) ||
        !source_id_from_address(r->connection->sockaddr, &id))
        return;
    ngx_shmtx_lock(gateway.mutex);
    key_count(outcome, id, request);
    ngx_shmtx_unlock(gateway.mutex);
}

static void limited_count(ngx_http_request_t *r, struct counted *counted)
{
    struct source_request request;
    if (counted != NULL && counted->by_key != 0) {
        counted->by_key = 0;
        return;
    }
    if (!request_of(r, &gateway.settings->by_key, &request))
        return;
    struct source_id id = id_of_key(&request);
    ngx_shmtx_lock(gateway.mutex);
    source_table_refuse(gateway.tables->sources, id, request, gateway.settings->by_key.limits,
                        ngx_current_msec);
    ngx_shmtx_unlock(gateway.mutex);
}

ngx_int_t throttle_count(ngx_http_request_t *r)
{
    enum key_outcome outcome = key_outcome_of(r);
    if (gateway.tables == NULL || outcome == KEY_UNKNOWN)
        return NGX_OK;
    if (outcome == KEY_LIMITED)
        limited_count(r, cleanup_data(r, counted_ended));
    else
        source_count(r, outcome, cleanup_data(r, counted_ended));
    return NGX_OK;
}
