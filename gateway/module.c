/* The nginx module of the gateway: bounds the connections of one source before TLS, and throttles a
 * source whose keys are refused, and a key that goes on while its requests are refused.
 *
 * nginx's own limit_conn acts when a whole header has been read, and limit_req counts requests
 * whatever became of them; neither sees a connection that says nothing, or an answer's status.
 * source_table.h has the rules; the module calls them under the lock of a shared memory zone. This
 * file has the connections and the settings. README.md lists the directives. */
#include "counters.h"
#include "error_lines.h"
#include "gateway.h"
#include "header_lists.h"
#include "log_pipes.h"
#include "throttle.h"
#include "unread_body.h"
#include "variables.h"

enum {
    LOG_INTERVAL_MS = 1000,
    NUMBER_MAX = 1000000,
    WAITING_PART = 16, /* of the zone is for requests that wait */
};

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
                  &c->addr_text, gateway.settings->connections_max, unsaid);
    last_ms = ngx_current_msec;
    unsaid = 0;
}

static void connection_ended(void *data)
{
    const uint32_t *connection = data;
    ngx_shmtx_lock(gateway.mutex);
    source_table_close(gateway.tables->sources, *connection, ngx_current_msec);
    ngx_shmtx_unlock(gateway.mutex);
}

/* False where the source has its share already. `is_apart`: it counts as another source. */
static bool connection_admit(ngx_connection_t *c, bool is_apart)
{
    struct source_id id;
    if (!source_id_from_address(c->sockaddr, &id))
        return true;
    if (is_apart)
        id = source_id_apart(id);
    uint32_t connection = 0;
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(c->pool, sizeof connection);
    if (cleanup == NULL)
        return false;
    ngx_shmtx_lock(gateway.mutex);
    enum source_outcome outcome =
        gateway_open(gateway.tables->sources, id, gateway.settings->connections_max, &connection);
    ngx_shmtx_unlock(gateway.mutex);
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
    (void)ngx_atomic_fetch_add(&gateway.tables->counters->connections_refused, 1);
    log_at_limit(c);
    ngx_http_close_connection(c);
}

static void connection_take(ngx_connection_t *c, bool is_apart)
{
    if (connection_admit(c, is_apart))
        ngx_http_init_connection(c);
    else
        connection_refuse(c);
}

static void connection_accepted(ngx_connection_t *c)
{
    connection_take(c, false);
}

static void connection_accepted_apart(ngx_connection_t *c)
{
    connection_take(c, true);
}

/* --- settings --- */

/* Of one server. */
struct server_settings {
    ngx_flag_t is_apart; /* its connections count apart from all others of their sources */
};

static void *server_settings_create(ngx_conf_t *cf)
{
    struct server_settings *s = ngx_pcalloc(cf->pool, sizeof *s);
    if (s != NULL)
        s->is_apart = NGX_CONF_UNSET;
    return s;
}

/* Not where several servers share the address. */
static bool is_apart(const ngx_listening_t *listening)
{
    const ngx_http_port_t *port = listening->servers;
    const ngx_http_addr_conf_t *conf = listening->sockaddr->sa_family == AF_INET6
                                           ? &((const ngx_http_in6_addr_t *)port->addrs)->conf
                                           : &((const ngx_http_in_addr_t *)port->addrs)->conf;
    const struct server_settings *s =
        conf->default_server->ctx->srv_conf[ngx_http_luna_source_module.ctx_index];
    return port->naddrs == 1 && conf->virtual_names == NULL && s->is_apart == 1;
}

static struct source_table *table_new(ngx_slab_pool_t *pool, size_t bytes)
{
    uint32_t buckets = source_table_buckets(bytes);
    void *memory = buckets != 0 ? ngx_slab_alloc(pool, source_table_bytes(buckets)) : NULL;
    uint64_t seed = (uint64_t)ngx_random() << 32 ^ (uint64_t)ngx_random();
    return memory != NULL ? source_table_init(memory, buckets, seed) : NULL;
}

static ngx_int_t zone_init(ngx_shm_zone_t *zone, void *former)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)zone->shm.addr;
    if (former != NULL || zone->shm.exists)
        return NGX_OK; /* a reload: what is open stays counted */
    struct gateway_tables *tables = ngx_slab_alloc(pool, sizeof *tables);
    struct gateway_counters *counters = ngx_slab_calloc(pool, sizeof *counters);
    if (tables == NULL || counters == NULL)
        return NGX_ERROR;
    size_t pages = (size_t)pool->pfree, waiting = pages / WAITING_PART;
    tables->counters = counters;
    tables->waiting = table_new(pool, waiting * ngx_pagesize);
    tables->sources = table_new(pool, (pages - waiting) * ngx_pagesize);
    pool->data = tables;
    return tables->waiting != NULL && tables->sources != NULL ? NGX_OK : NGX_ERROR;
}

static char *set_zone(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    /* It changes with what is in the zone: a reload after an upgrade finds the zones of the former
     * module by their names. */
    static ngx_str_t name = ngx_string("luna_source_4");
    struct gateway_settings *s = conf;
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
    struct gateway_settings *s = ngx_pcalloc(cf->pool, sizeof *s);
    if (s != NULL) {
        s->connections_max = NGX_CONF_UNSET_UINT;
        s->delay_ms = NGX_CONF_UNSET_MSEC;
        s->waiting_max = NGX_CONF_UNSET_UINT;
    }
    return s;
}

static char *settings_check(ngx_conf_t *cf, void *conf)
{
    struct gateway_settings *s = conf;
    (void)cf;
    ngx_conf_init_msec_value(s->delay_ms, 0);
    ngx_conf_init_uint_value(s->waiting_max, NUMBER_MAX);
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
    if (handler_add(cf, NGX_HTTP_POST_READ_PHASE, error_lines_shorten) != NGX_OK ||
        handler_add(cf, NGX_HTTP_PREACCESS_PHASE, throttle_request) != NGX_OK ||
        handler_add(cf, NGX_HTTP_PREACCESS_PHASE, unread_body_leave_without_key) != NGX_OK ||
        handler_add(cf, NGX_HTTP_REWRITE_PHASE, unread_body_leave) != NGX_OK)
        return NGX_ERROR;
    if (counters_wrap_log(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module)) != NGX_OK)
        return NGX_ERROR;
    return handler_add(cf, NGX_HTTP_LOG_PHASE, throttle_count);
}

/* Before any worker process is there: the listening sockets of http get this module's handler. */
static ngx_int_t module_init(ngx_cycle_t *cycle)
{
    struct gateway_settings *settings =
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_luna_source_module);
    gateway.settings = settings;
    log_pipes_never_wait(cycle);
    header_lists_accept(cycle);
    if (settings == NULL || settings->zone == NULL)
        return NGX_OK;
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *)settings->zone->shm.addr;
    gateway.tables = pool->data;
    gateway.mutex = &pool->mutex;
    ngx_listening_t *sockets = cycle->listening.elts;
    for (ngx_uint_t i = 0; i < cycle->listening.nelts; i++) {
        if (sockets[i].handler == ngx_http_init_connection &&
            settings->connections_max != NGX_CONF_UNSET_UINT)
            sockets[i].handler =
                is_apart(&sockets[i]) ? connection_accepted_apart : connection_accepted;
    }
    return NGX_OK;
}

static ngx_conf_num_bounds_t number_bounds = {ngx_conf_check_num_bounds, 1, NUMBER_MAX};

static ngx_command_t commands[] = {
    {ngx_string("luna_source_zone"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_zone,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("luna_source_connections"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct gateway_settings, connections_max), &number_bounds},
    {ngx_string("luna_source_apart"), NGX_HTTP_SRV_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_SRV_CONF_OFFSET, offsetof(struct server_settings, is_apart), NULL},
    {ngx_string("luna_source_refusals"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE3, set_refusals,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct gateway_settings, by_source), NULL},
    {ngx_string("luna_key_refusals"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE3, set_refusals,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct gateway_settings, by_key), NULL},
    {ngx_string("luna_refusal_delay"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct gateway_settings, delay_ms), NULL},
    {ngx_string("luna_refusals_waiting"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct gateway_settings, waiting_max), &number_bounds},
    {ngx_string("luna_gateway_metrics"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, counters_set_page,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    ngx_null_command,
};

static ngx_http_module_t context = {
    .preconfiguration = gateway_variables_add,
    .postconfiguration = handlers_add,
    .create_main_conf = settings_create,
    .init_main_conf = settings_check,
    .create_srv_conf = server_settings_create,
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
