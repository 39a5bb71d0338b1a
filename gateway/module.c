/* The nginx module of the gateway: bounds the connections of one source before TLS, and throttles a
 * source whose keys are refused, and a key that goes on while its requests are refused.
 *
 * nginx's own limit_conn acts when a whole header has been read, and limit_req counts requests
 * whatever became of them; neither sees a connection that says nothing, or an answer's status.
 * source_table.h has the rules; this file calls them from nginx, under the lock of a shared memory
 * zone. README.md lists the directives. */
#include "source_table.h"
#include "variables.h"

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

enum {
    LOG_INTERVAL_MS = 1000,
    NUMBER_MAX = 1000000,
    HELD_AT_ONE_DELAY = 64,
    FACTOR_MAX = 16,
};

/* `key` is NULL where the directive is not given. */
struct refusal_settings {
    ngx_http_complex_value_t *key;
    struct source_refusal_limits limits;
};

struct source_settings {
    ngx_shm_zone_t *zone;
    ngx_uint_t connections_max;        /* NGX_CONF_UNSET_UINT: no bound */
    struct refusal_settings by_source; /* refused keys (401, 403) of one source */
    struct refusal_settings by_key;    /* refused requests (429, 409) of one key */
    ngx_msec_t delay_ms;               /* of an answer that the throttle gives, on average */
};

/* Of the cycle that this process serves; a process that ends keeps its own. */
static struct source_settings *settings;
static struct source_table *table;
static ngx_shmtx_t *table_mutex;

extern ngx_module_t ngx_http_luna_source_module;

/* --- connections --- */

static void log_at_limit(ngx_connection_t *c)
{
    static ngx_msec_t last_ms;
    static ngx_uint_t unsaid;
    if (ngx_current_msec - last_ms < LOG_INTERVAL_MS) {
        unsaid++;
        return;
    }
    ngx_log_error(NGX_LOG_WARN, c->log, 0,
                  "%V has %ui connections: one more is refused (and %ui others, unsaid)",
                  &c->addr_text, settings->connections_max, unsaid);
    last_ms = ngx_current_msec;
    unsaid = 0;
}

static void connection_ended(void *data)
{
    const uint32_t *connection = data;
    ngx_shmtx_lock(table_mutex);
    source_table_close(table, *connection, ngx_current_msec);
    ngx_shmtx_unlock(table_mutex);
}

static bool process_runs(uint32_t pid)
{
    return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

/* Under the lock. Where a connection cannot be counted, the ones of killed processes may be in its
 * place. */
static enum source_outcome connection_open(struct source_id id, uint32_t *ret_connection)
{
    uint32_t most = (uint32_t)settings->connections_max, pid = (uint32_t)ngx_pid;
    enum source_outcome outcome =
        source_table_open(table, id, pid, most, ngx_current_msec, ret_connection);
    if (outcome != SOURCE_ADMITTED && source_table_heal(table, process_runs, ngx_current_msec))
        outcome = source_table_open(table, id, pid, most, ngx_current_msec, ret_connection);
    return outcome;
}

/* False where the source has its share already. */
static bool connection_admit(ngx_connection_t *c)
{
    struct source_id id;
    if (!source_id_from_address(c->sockaddr, &id))
        return true;
    uint32_t connection = 0;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(c->pool, sizeof connection);
    if (cleanup == NULL)
        return false;
    ngx_shmtx_lock(table_mutex);
    enum source_outcome outcome = connection_open(id, &connection);
    ngx_shmtx_unlock(table_mutex);
    if (outcome == SOURCE_ADMITTED) {
        *(uint32_t *)cleanup->data = connection;
        cleanup->handler = connection_ended;
    }
    return outcome != SOURCE_AT_LIMIT;
}

/* Closed by a reset, so that a flood leaves no connection in TIME_WAIT. */
static void connection_refuse(ngx_connection_t *c)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    log_at_limit(c);
    ngx_http_close_connection(c);
}

static void connection_accepted(ngx_connection_t *c)
{
    if (connection_admit(c))
        ngx_http_init_connection(c);
    else
        connection_refuse(c);
}

/* --- refused keys, and refused requests of a good one --- */

/* False where the request brings no key, or `refusals` counts nothing. */
static bool request_key(ngx_http_request_t *r, const struct refusal_settings *refusals,
                        ngx_str_t *ret_key)
{
    return refusals->key != NULL && r == r->main &&
           ngx_http_complex_value(r, refusals->key, ret_key) == NGX_OK && ret_key->len != 0;
}

static bool source_is_throttled(ngx_http_request_t *r)
{
    struct source_id id;
    ngx_str_t key;
    return request_key(r, &settings->by_source, &key) &&
           source_id_from_address(r->connection->sockaddr, &id) &&
           source_table_throttles(table, id, key.data, key.len, settings->by_source.limits,
                                  ngx_current_msec);
}

static bool key_is_throttled(ngx_http_request_t *r)
{
    ngx_str_t key;
    return request_key(r, &settings->by_key, &key) &&
           source_table_throttles(table, source_id_from_key(table, key.data, key.len), "", 0,
                                  settings->by_key.limits, ngx_current_msec);
}

/* Answers that this process holds back. */
static ngx_uint_t held;

static void held_ended(void *unused)
{
    (void)unused;
    held--;
}

/* The more are held back, the longer: a source may open as many streams of HTTP/2 as it likes, and
 * would else have as many answers a second as streams in four. Spread, or clients that were refused
 * together would come back together, each with a body. */
static ngx_msec_t delay_of_next(void)
{
    ngx_uint_t factor = 1 + held / HELD_AT_ONE_DELAY;
    ngx_msec_t delay_ms = settings->delay_ms * (factor < FACTOR_MAX ? factor : FACTOR_MAX);
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
 * give. One that waits for its answer costs a timer. The request is marked by its context, because
 * the phases call request_throttle() again afterwards. Follows ngx_http_limit_req_module. */
static ngx_int_t delay_start(ngx_http_request_t *r)
{
    ngx_event_t *write = r->connection->write;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, 0);
    if (cleanup == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_http_set_ctx(r, r, ngx_http_luna_source_module);
    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = delay_ended;
    write->delayed = 1;
    cleanup->handler = held_ended;
    ngx_add_timer(write, delay_of_next());
    held++;
    return NGX_AGAIN;
}

static ngx_int_t request_throttle(ngx_http_request_t *r)
{
    if (r->internal)
        return NGX_DECLINED;
    if (ngx_http_get_module_ctx(r, ngx_http_luna_source_module) != NULL)
        return NGX_HTTP_TOO_MANY_REQUESTS; /* it has waited */
    if (table == NULL)
        return NGX_DECLINED;
    ngx_shmtx_lock(table_mutex);
    bool throttled = source_is_throttled(r) || key_is_throttled(r);
    ngx_shmtx_unlock(table_mutex);
    if (!throttled)
        return NGX_DECLINED;
    return settings->delay_ms != 0 ? delay_start(r) : NGX_HTTP_TOO_MANY_REQUESTS;
}

/* What became of the request's key at the worker. */
enum key_outcome {
    KEY_UNKNOWN, /* no worker was asked, or its answer does not depend on the key */
    KEY_ACCEPTED,
    KEY_REFUSED,
    KEY_LIMITED,   /* the key is good; a limit of the account, or a retry too early, refuses */
    KEY_ABANDONED, /* the client left first */
};

static enum key_outcome key_outcome_of(const ngx_http_request_t *r)
{
    if (r->upstream == NULL)
        return KEY_UNKNOWN;
    ngx_uint_t status = r->upstream->headers_in.status_n;
    if (status >= 200 && status < 300)
        return KEY_ACCEPTED;
    if (status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN)
        return KEY_REFUSED;
    if (status == NGX_HTTP_TOO_MANY_REQUESTS || status == NGX_HTTP_CONFLICT)
        return KEY_LIMITED;
    if (status == 0 && r->headers_out.status == NGX_HTTP_CLIENT_CLOSED_REQUEST)
        return KEY_ABANDONED;
    return KEY_UNKNOWN;
}

static void key_count(enum key_outcome outcome, struct source_id id, ngx_str_t key)
{
    struct source_refusal_limits limits = settings->by_source.limits;
    if (outcome == KEY_ACCEPTED)
        source_table_accept(table, id, key.data, key.len, ngx_current_msec);
    else if (outcome == KEY_REFUSED)
        source_table_refuse(table, id, key.data, key.len, limits, ngx_current_msec);
    else
        source_table_abandon(table, id, key.data, key.len, limits, ngx_current_msec);
}

static void limited_count(ngx_str_t key)
{
    source_table_refuse(table, source_id_from_key(table, key.data, key.len), "", 0,
                        settings->by_key.limits, ngx_current_msec);
}

static ngx_int_t request_ended(ngx_http_request_t *r)
{
    enum key_outcome outcome = key_outcome_of(r);
    struct source_id id;
    ngx_str_t key;
    ngx_shmtx_t *mutex = table_mutex;
    if (outcome == KEY_LIMITED && request_key(r, &settings->by_key, &key)) {
        ngx_shmtx_lock(mutex);
        limited_count(key);
        ngx_shmtx_unlock(mutex);
    } else if (outcome != KEY_UNKNOWN && outcome != KEY_LIMITED &&
               request_key(r, &settings->by_source, &key) &&
               source_id_from_address(r->connection->sockaddr, &id)) {
        ngx_shmtx_lock(mutex);
        key_count(outcome, id, key);
        ngx_shmtx_unlock(mutex);
    }
    return NGX_OK;
}

/* --- settings --- */

static ngx_int_t zone_init(ngx_shm_zone_t *zone, void *former)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    if (former != NULL || zone->shm.exists)
        return NGX_OK; /* a reload: what is open stays counted */
    size_t page_bytes = ngx_pagesize;
    size_t bytes = (size_t)pool->pfree * page_bytes;
    uint32_t buckets = source_table_buckets(bytes);
    void *memory = buckets != 0 ? ngx_slab_alloc(pool, source_table_bytes(buckets)) : NULL;
    if (memory == NULL)
        return NGX_ERROR;
    uint64_t seed = (uint64_t)ngx_random() << 32 ^ (uint64_t)ngx_random();
    pool->data = source_table_init(memory, buckets, seed);
    return NGX_OK;
}

static char *set_zone(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    static ngx_str_t name = ngx_string("luna_source");
    struct source_settings *s = conf;
    ngx_str_t *words = cf->args->elts;
    ssize_t bytes = ngx_parse_size(&words[1]);
    (void)command;
    if (s->zone != NULL)
        return "is a duplicate";
    if (bytes < (ssize_t)(16 * ngx_pagesize))
        return "needs a size of at least 16 pages";
    s->zone = ngx_shared_memory_add(cf, &name, (size_t)bytes, &ngx_http_luna_source_module);
    if (s->zone == NULL)
        return NGX_CONF_ERROR;
    s->zone->init = zone_init;
    s->zone->data = s; /* not null: zone_init tells a reload by it */
    return NGX_CONF_OK;
}

static bool number_of(const ngx_str_t *word, const char *name, uint32_t *ret_number)
{
    size_t len = ngx_strlen(name);
    if (word->len <= len || ngx_strncmp(word->data, name, len) != 0)
        return false;
    ngx_int_t number = ngx_atoi(word->data + len, word->len - len);
    if (number < 1 || number > NUMBER_MAX)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

/* The slot of luna_source_refusals and luna_key_refusals: KEY rate=R burst=B. */
static char *set_refusals(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    struct refusal_settings *refusals =
        (struct refusal_settings *)(void *)((char *)conf + command->offset);
    ngx_str_t *words = cf->args->elts;
    if (refusals->key != NULL)
        return "is a duplicate";
    if (!number_of(&words[2], "rate=", &refusals->limits.rate_per_s) ||
        !number_of(&words[3], "burst=", &refusals->limits.burst))
        return "wants: KEY rate=NUMBER burst=NUMBER";
    refusals->key = ngx_palloc(cf->pool, sizeof *refusals->key);
    if (refusals->key == NULL)
        return NGX_CONF_ERROR;
    ngx_http_compile_complex_value_t compile = {
        .cf = cf, .value = &words[1], .complex_value = refusals->key};
    return ngx_http_compile_complex_value(&compile) == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}

static void *settings_create(ngx_conf_t *cf)
{
    struct source_settings *s = ngx_pcalloc(cf->pool, sizeof *s);
    if (s != NULL) {
        s->connections_max = NGX_CONF_UNSET_UINT;
        s->delay_ms = NGX_CONF_UNSET_MSEC;
    }
    return s;
}

static char *settings_check(ngx_conf_t *cf, void *conf)
{
    struct source_settings *s = conf;
    (void)cf;
    ngx_conf_init_msec_value(s->delay_ms, 0);
    bool used = s->by_source.key != NULL || s->by_key.key != NULL ||
                s->connections_max != NGX_CONF_UNSET_UINT;
    return used && s->zone == NULL ? "luna_source_zone is missing" : NGX_CONF_OK;
}

static ngx_int_t handler_add(ngx_conf_t *cf, ngx_uint_t phase, ngx_http_handler_pt handler)
{
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *place = ngx_array_push(&core->phases[phase].handlers);
    if (place == NULL)
        return NGX_ERROR;
    *place = handler;
    return NGX_OK;
}

static ngx_int_t handlers_add(ngx_conf_t *cf)
{
    if (handler_add(cf, NGX_HTTP_PREACCESS_PHASE, request_throttle) != NGX_OK)
        return NGX_ERROR;
    return handler_add(cf, NGX_HTTP_LOG_PHASE, request_ended);
}

/* Before any worker process is there: the listening sockets of http get this module's handler. */
static ngx_int_t module_init(ngx_cycle_t *cycle)
{
    settings = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_luna_source_module);
    if (settings == NULL || settings->zone == NULL)
        return NGX_OK;
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)settings->zone->shm.addr;
    table = pool->data;
    table_mutex = &pool->mutex;
    ngx_listening_t *sockets = cycle->listening.elts;
    for (ngx_uint_t i = 0; i < cycle->listening.nelts; i++) {
        if (sockets[i].handler == ngx_http_init_connection &&
            settings->connections_max != NGX_CONF_UNSET_UINT)
            sockets[i].handler = connection_accepted;
    }
    return NGX_OK;
}

static ngx_conf_num_bounds_t connections_bounds = {ngx_conf_check_num_bounds, 1, NUMBER_MAX};

static ngx_command_t commands[] = {
    {ngx_string("luna_source_zone"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_zone,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("luna_source_connections"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct source_settings, connections_max), &connections_bounds},
    {ngx_string("luna_source_refusals"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE3, set_refusals,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct source_settings, by_source), NULL},
    {ngx_string("luna_key_refusals"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE3, set_refusals,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct source_settings, by_key), NULL},
    {ngx_string("luna_refusal_delay"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct source_settings, delay_ms), NULL},
    ngx_null_command,
};

static ngx_http_module_t context = {
    .preconfiguration = gateway_variables_add,
    .postconfiguration = handlers_add,
    .create_main_conf = settings_create,
    .init_main_conf = settings_check,
};

ngx_module_t ngx_http_luna_source_module = {
    NGX_MODULE_V1,
    .ctx = &context,
    .commands = commands,
    .type = NGX_HTTP_MODULE,
    .init_module = module_init,
};

/* What nginx reads from a module's file. */
ngx_module_t *ngx_modules[] = {&ngx_http_luna_source_module, NULL};
char *ngx_module_names[] = {"ngx_http_luna_source_module", NULL};
char *ngx_module_order[] = {NULL};
