#include "shared/worker_config.h"

#include "luna/base/address.h"
#include "luna/sandbox/sandbox.h"
#include "luna/store/admission.h"
#include "luna/store/durability.h"
#include "shared/peers.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

static_assert(2 * WORKERS_MAX < LUNA_WORKERS_MAX,
              "a reload doubles the pool, and a self-test needs a slot too");

static const char *const pool_modes[] = {"static", "dynamic", NULL};
static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const log_formats[] = {"json", "text", "auto",
                                          NULL} /* as enum luna_log_format */;

enum { REQ = LUNA_SETTING_REQUIRED, SEC = LUNA_SETTING_SECRET, REL = LUNA_SETTING_RELOADABLE };

#define AT(member) offsetof(struct worker_config, member)
#define TEXT(name_, member_, flags_, default_, help_)                                              \
    {                                                                                              \
        .name = (name_), .type = LUNA_SETTING_STRING, .flags = (flags_), .offset = AT(member_),    \
        .default_text = (default_), .help = (help_)                                                \
    }
#define WHOLE(name_, member_, flags_, default_, min_, max_, help_)                                 \
    {                                                                                              \
        .name = (name_), .type = LUNA_SETTING_INT, .flags = (flags_), .offset = AT(member_),       \
        .default_text = (default_), .min = (min_), .max = (max_), .help = (help_)                  \
    }
#define CHOICE(name_, member_, flags_, default_, choices_, help_)                                  \
    {                                                                                              \
        .name = (name_), .type = LUNA_SETTING_ENUM, .flags = (flags_), .offset = AT(member_),      \
        .default_text = (default_), .choices = (choices_), .help = (help_)                         \
    }

const struct luna_setting worker_settings[] = {
    TEXT(
        "LUNA_WORKER_SOCKET", socket_path, 0, NULL,
        "Path of the unix socket that nginx connects to; ignored if systemd passes a socket, or if "
        "LUNA_WORKER_LISTEN is set."),
    TEXT("LUNA_SOCKET_GROUP", socket_group, 0, NULL,
         "Group that owns the socket (mode 0660); nginx must run with this group."),
    TEXT("LUNA_SOCKET_PEERS", socket_peers, 0, "luna-gateway",
         "Comma-separated users whose processes may connect to the socket. Root and the pool's own "
         "user may always connect."),
    TEXT("LUNA_WORKER_LISTEN", worker_listen, 0, NULL,
         "Numeric address:port on which to accept connections from nginx on another host, instead "
         "of a unix socket. FastCGI is not encrypted: see LUNA_WORKER_NETWORK_PRIVATE."),
    {.name = "LUNA_WORKER_NETWORK_PRIVATE",
     .type = LUNA_SETTING_BOOL,
     .offset = AT(worker_network_private),
     .default_text = "off",
     .help = "off: LUNA_WORKER_LISTEN must be a loopback address. on: it may be any address; set "
             "this only if its network is a tunnel, or if only Luna's hosts can reach it."},
    TEXT("LUNA_WORKER_PEERS", worker_peers, REL, NULL,
         "Comma-separated networks whose hosts may connect to LUNA_WORKER_LISTEN, such as "
         "10.1.2.0/24."),
    TEXT("LUNA_USER", user, 0, NULL, "User to switch to if the pool is started as root."),
    TEXT("LUNA_GROUP", group, 0, NULL,
         "Group to switch to if the pool is started as root; if unset, the primary group of "
         "LUNA_USER."),
    TEXT("LUNA_PID_FILE", pid_file, 0, NULL, "File to which the master writes its process id."),
    TEXT("LUNA_ENV_FILE", env_file, 0, NULL,
         "File with NAME=value lines, for settings that are not in the environment; it is read "
         "again on SIGHUP."),
    TEXT("LUNA_STATE_DIR", state_dir, REQ, NULL,
         "Directory of the journals in which the workers record charges."),
    WHOLE("LUNA_JOURNAL_SLOT_FIRST", journal_slot_first, 0, "0", 0, LUNA_WORKERS_MAX - 1,
          "First journal slot of this pool. The slots of pools that share LUNA_STATE_DIR must not "
          "overlap."),
    WHOLE("LUNA_JOURNAL_SLOT_COUNT", journal_slot_count, 0, "256", 3, LUNA_WORKERS_MAX,
          "Number of journal slots: at least twice the number of workers, plus one. Slots above "
          "number 255 are not used."),
    TEXT("LUNA_MONITOR_LISTEN", monitor_listen, 0, "127.0.0.1:9100",
         "Numeric address:port on which the monitor serves /livez, /readyz, /metrics and /status."),
    TEXT("LUNA_REDIS_URL", redis_url, REQ | SEC | REL, NULL,
         "Redis URL: redis://[[user]:password@]host:port[/db] or unix:///path[?db=n]."),
    TEXT("LUNA_DATABASE_URL", database_url, REQ | SEC | REL, NULL,
         "PostgreSQL URL with the role luna_worker: postgresql://user:password@host:port/database. "
         "An optional second line is the URL with the previous password, which is used if "
         "PostgreSQL refuses the first line."),
    TEXT("LUNA_KEY_PEPPER", key_pepper, REQ | SEC | REL, NULL,
         "Pepper: the secret key of the digests of API keys, with 64 to 256 hexadecimal digits; "
         "the same in every program."),
    WHOLE("LUNA_KEY_PEPPER_ID", key_pepper_id, REL, "1", 1, LUNA_PEPPER_ID_MAX,
          "Id of LUNA_KEY_PEPPER. A new pepper must have a higher id than the pepper that it "
          "replaces."),
    TEXT("LUNA_KEY_PEPPER_PREVIOUS", key_pepper_previous, SEC | REL, NULL,
         "The pepper that LUNA_KEY_PEPPER replaces; needed until all keys have moved to the new "
         "pepper."),
    WHOLE("LUNA_KEY_PEPPER_PREVIOUS_ID", key_pepper_previous_id, REL, "0", 0, LUNA_PEPPER_ID_MAX,
          "Id of LUNA_KEY_PEPPER_PREVIOUS; 0 if that is not set."),
    TEXT("LUNA_TOKEN_KEYS", token_keys_text, SEC | REL, NULL,
         "Keys that sign bearer tokens, as kid:hex,kid:hex, the newest first. If unset, one key is "
         "derived from each pepper."),
    TEXT("LUNA_CORS_ORIGINS", cors_origins, REL, NULL,
         "Comma-separated origins whose web pages may call the API from a browser; * allows all "
         "origins."),
    CHOICE("LUNA_POOL_MODE", pool_mode, REL, "static", pool_modes,
           "static: the pool always has LUNA_WORKERS workers. dynamic: it has LUNA_WORKERS_MIN to "
           "LUNA_WORKERS_MAX workers, depending on the queue wait."),
    WHOLE("LUNA_WORKERS", workers, REL, "4", 1, WORKERS_MAX, "Number of workers of a static pool."),
    WHOLE("LUNA_WORKERS_MIN", workers_min, REL, "2", 1, WORKERS_MAX,
          "Minimum number of workers of a dynamic pool."),
    WHOLE("LUNA_WORKERS_MAX", workers_max, REL, "16", 1, WORKERS_MAX,
          "Maximum number of workers of a dynamic pool."),
    WHOLE("LUNA_WORKERS_SPARE", workers_spare, REL, "1", 0, WORKERS_MAX,
          "Number of idle workers that a dynamic pool keeps in addition to the busy workers."),
    WHOLE("LUNA_BACKLOG", backlog, 0, "1024", 1, 4096,
          "Maximum number of connections that wait in the queue of the socket. A good value is the "
          "longest acceptable wait in seconds, multiplied by the requests per second."),
    WHOLE("LUNA_QUEUE_WAIT_TARGET_MS", queue_wait_target_ms, REL, "20", 1, 60000,
          "Queue wait above which a dynamic pool grows, in milliseconds."),
    WHOLE("LUNA_QUEUE_WAIT_MAX_MS", queue_wait_max_ms, REL, "2000", 1, 600000,
          "Queue wait above which a request is refused with 503, in milliseconds."),
    WHOLE("LUNA_REQUEST_TIMEOUT_MS", request_timeout_ms, REL, "10000", 10,
          LUNA_ADMISSION_TIMEOUT_MAX_MS,
          "Timeout of a request, from its arrival at nginx to the answer, in milliseconds."),
    WHOLE("LUNA_HARD_LIMIT_GRACE_MS", hard_limit_grace_ms, REL, "2000", 10, 600000,
          "Time after the request timeout at which a worker that is still busy is killed, in "
          "milliseconds."),
    CHOICE("LUNA_DURABILITY", durability, 0, "default", luna_durability_words,
           "strict: the ledger is exact even with several hosts and after a power loss. This needs "
           "appendfsync always in Redis, and the same setting in quota-syncd."),
    WHOLE(
        "LUNA_ANSWER_BYTES_MAX", answer_bytes_max, REL, "67108864", 0, INT64_MAX / 4,
        "Maximum Redis memory, in bytes, for answers that are replayed when an Idempotency-Key is "
        "repeated; one account uses at most a sixteenth of it. 0: answers are not stored, and a "
        "repeated request is computed again."),
    WHOLE("LUNA_REDIS_TIMEOUT_MS", redis_timeout_ms, REL, "250", 1, 60000,
          "Timeout of a Redis command, in milliseconds."),
    WHOLE("LUNA_DATABASE_TIMEOUT_MS", database_timeout_ms, REL, "1000", 1, 60000,
          "Timeout of a PostgreSQL statement, in milliseconds."),
    WHOLE(
        "LUNA_CLOCK_OFFSET_MAX_MS", clock_offset_max_ms, REL, "60000", 5000, 540000,
        "Maximum difference between the clocks of Redis and PostgreSQL, in milliseconds. While it "
        "is greater, requests that cost units are refused with 503."),
    WHOLE("LUNA_DRAIN_TIMEOUT_MS", drain_timeout_ms, REL, "15000", 0, 600000,
          "Maximum time for a worker to finish its request at a stop or reload, in milliseconds."),
    WHOLE("LUNA_START_TIMEOUT_MS", start_timeout_ms, REL, "10000", 100, 600000,
          "Maximum time for a new worker to become ready, in milliseconds."),
    WHOLE("LUNA_READY_STALL_MS", ready_stall_ms, REL, "3000", 100, 600000,
          "/readyz answers 503 if no worker has made progress for this many milliseconds."),
    WHOLE("LUNA_LIVE_STALL_MS", live_stall_ms, REL, "5000", 2000, 600000,
          "/livez answers 503 if the master has made no progress for this many milliseconds."),
    WHOLE("LUNA_SLOW_MS", slow_ms, REL, "1000", 0, 600000,
          "A request that takes longer than this many milliseconds is logged with the time of each "
          "phase; 0: never."),
    WHOLE("LUNA_BODY_BYTES_MAX", body_bytes_max, REL, "33554432", 1024, 1073741824,
          "Maximum size of a request body, in bytes."),
    WHOLE("LUNA_POINTS_MAX", points_max, REL, "1000000", 1, 100000000,
          "Maximum number of observations in one request."),
    WHOLE("LUNA_ACCOUNT_WORKERS_MAX", account_workers_max, REL, "0", 0, 256,
          "Maximum number of workers that one account may use at the same time for long "
          "computations; 0: half of the pool. If the pool has two or more workers, one worker is "
          "always left for other accounts."),
    WHOLE("LUNA_REQUESTS_MAX", requests_max, REL, "100000", 0, INT64_MAX / 4,
          "Number of requests after which a worker is replaced; 0: never. For each worker, the "
          "number is changed at random by up to a tenth."),
    WHOLE("LUNA_WORKER_AGE_MAX_S", worker_age_max_s, REL, "0", 0, 31536000,
          "Age in seconds at which a worker is replaced; 0: never. For each worker, the age is "
          "changed at random by up to a tenth."),
    WHOLE(
        "LUNA_WORKER_MEMORY_BYTES_MAX", worker_memory_bytes_max, REL, "268435456", 0, INT64_MAX / 4,
        "Resident memory above which a worker is replaced after its request, in bytes; 0: never."),
    WHOLE(
        "LUNA_QUARANTINE_S", quarantine_s, REL, "3600", 0, 31536000,
        "Time in seconds for which a body is refused after two workers have crashed or hung while "
        "processing it; 0: such bodies are not refused."),
    CHOICE("LUNA_SANDBOX", sandbox, REL, "errno", luna_sandbox_words,
           "Effect of a system call that a worker is not allowed to make. off: the call is "
           "allowed; log: the "
           "call is allowed and logged; errno: the call fails; kill: the worker is killed."),
    {.name = "LUNA_CORE_DUMPS",
     .type = LUNA_SETTING_BOOL,
     .offset = AT(core_dumps),
     .default_text = "off",
     .help = "on: a crash writes a core file, which contains customers' data."},
    CHOICE("LUNA_LOG_LEVEL", log_level, REL, "info", log_levels, "Minimum log level."),
    CHOICE("LUNA_LOG_FORMAT", log_format, REL, "auto", log_formats,
           "Format of log lines: json (one object per line), text (key=value), or auto (text on a "
           "terminal, otherwise json)."),
    TEXT("LUNA_LOG_FILE", log_file, 0, NULL,
         "File to which log lines are appended; if unset, they go to standard error. After a "
         "rotation, send SIGUSR1 to reopen the file."),
    {.name = NULL}};

static bool is_given(const char *text)
{
    return text != NULL && *text != '\0';
}

static bool is_loopback(const struct luna_address *address)
{
    const struct sockaddr_storage *storage = &address->storage;
    if (storage->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(
            &((const struct sockaddr_in6 *)(const void *)storage)->sin6_addr);
    const struct sockaddr_in *ipv4 = (const void *)storage;
    return (ntohl(ipv4->sin_addr.s_addr) >> IN_CLASSA_NSHIFT) == IN_LOOPBACKNET;
}

/* What is not an address is refused when it is opened. */
static enum luna_code check_network(const struct worker_config *config, struct luna_error *err)
{
    struct luna_address address;
    struct luna_error ignored;
    if (config->worker_network_private || !worker_config_uses_tcp(config) ||
        luna_address_parse(config->worker_listen, &address, &ignored) != LUNA_OK ||
        is_loopback(&address))
        return LUNA_OK;
    return luna_error_set(err, LUNA_ECONFIG,
                          "LUNA_WORKER_LISTEN is %s, and FastCGI is not encrypted: listen within a "
                          "tunnel (docs/SCALING.md) and set LUNA_WORKER_NETWORK_PRIVATE=on",
                          config->worker_listen);
}

static enum luna_code check_listener(const struct worker_config *config, struct luna_error *err)
{
    struct peers peers = {0};
    if (!worker_config_uses_tcp(config) && !is_given(config->socket_path))
        return luna_error_set(err, LUNA_ECONFIG, "set LUNA_WORKER_SOCKET or LUNA_WORKER_LISTEN");
    enum luna_code code = peers_set_networks(&peers, config->worker_peers, err);
    if (code == LUNA_OK && worker_config_uses_tcp(config) && peers.network_count == 0)
        return luna_error_set(
            err, LUNA_ECONFIG,
            "LUNA_WORKER_LISTEN needs LUNA_WORKER_PEERS: the networks that nginx connects from");
    return code == LUNA_OK ? check_network(config, err) : code;
}

static void limit_slots(struct worker_config *config)
{
    if (config->journal_slot_first + config->journal_slot_count > LUNA_WORKERS_MAX)
        config->journal_slot_count = LUNA_WORKERS_MAX - config->journal_slot_first;
}

static enum luna_code check_slots(const struct worker_config *config, struct luna_error *err)
{
    int wanted = 2 * worker_config_pool_max(config) + 1;
    if (config->journal_slot_count >= wanted)
        return LUNA_OK;
    return luna_error_set(err, LUNA_ECONFIG,
                          "LUNA_JOURNAL_SLOT_FIRST and LUNA_JOURNAL_SLOT_COUNT leave %lld slots; "
                          "expected at least %d: "
                          "twice the workers plus one",
                          (long long)config->journal_slot_count, wanted);
}

static enum luna_code cross_check(struct worker_config *config, struct luna_error *err)
{
    if (config->workers_min > config->workers_max)
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_WORKERS_MIN is %lld; expected at most LUNA_WORKERS_MAX, %lld",
                              (long long)config->workers_min, (long long)config->workers_max);
    if (config->queue_wait_max_ms > config->request_timeout_ms)
        config->queue_wait_max_ms = config->request_timeout_ms;
    enum luna_code code = check_listener(config, err);
    if (code == LUNA_OK)
        code = check_slots(config, err);
    if (code == LUNA_OK)
        code = luna_pepper_decode(config->key_pepper, config->pepper, &config->pepper_len, err);
    if (code == LUNA_OK)
        code = luna_pepper_previous(config->key_pepper_previous, config->key_pepper_previous_id,
                                    config->key_pepper_id, &config->previous_pepper, err);
    return code != LUNA_OK ? code
                           : token_keys_parse(config->token_keys_text, &config->token_keys, err);
}

/* `running` NULL: at the start, when nothing is fixed yet. */
static enum luna_code load(const char *(*get)(const char *name),
                           const struct worker_config *running, struct worker_config *ret_config,
                           char *ret_restart, size_t size, struct luna_error *err)
{
    struct worker_config config = {0};
    enum luna_code code = luna_config_load_with_file(worker_settings, get, &config, err);
    if (code != LUNA_OK)
        return code;
    limit_slots(&config);
    if (running != NULL)
        code = luna_config_keep_fixed(worker_settings, running, &config, ret_restart, size, err);
    if (code == LUNA_OK)
        code = cross_check(&config, err);
    if (code == LUNA_OK)
        *ret_config = config;
    else
        worker_config_done(&config);
    return code;
}

enum luna_code worker_config_load(const char *(*get)(const char *name),
                                  struct worker_config *ret_config, struct luna_error *err)
{
    return load(get, NULL, ret_config, NULL, 0, err);
}

enum luna_code worker_config_reload(const char *(*get)(const char *name),
                                    const struct worker_config *running,
                                    struct worker_config *ret_config, char *ret_restart,
                                    size_t size, struct luna_error *err)
{
    return load(get, running, ret_config, ret_restart, size, err);
}

void worker_config_done(struct worker_config *config)
{
    if (config->key_pepper != NULL)
        explicit_bzero(config->key_pepper, strlen(config->key_pepper));
    if (config->key_pepper_previous != NULL)
        explicit_bzero(config->key_pepper_previous, strlen(config->key_pepper_previous));
    if (config->token_keys_text != NULL)
        explicit_bzero(config->token_keys_text, strlen(config->token_keys_text));
    luna_config_done(worker_settings, config);
    explicit_bzero(config, sizeof *config);
}

bool worker_config_uses_tcp(const struct worker_config *config)
{
    return is_given(config->worker_listen);
}

int worker_config_pool_max(const struct worker_config *config)
{
    return (int)(config->pool_mode == POOL_STATIC ? config->workers : config->workers_max);
}

int worker_config_self_test_slot(const struct worker_config *config)
{
    assert(config->journal_slot_count > 0); /* the slot before the first is another pool's */
    return (int)(config->journal_slot_first + config->journal_slot_count - 1);
}
