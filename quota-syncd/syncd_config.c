#include "syncd_config.h"

#include "luna/sandbox/sandbox.h"
#include "luna/store/durability.h"

#include <stddef.h>

static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const log_formats[] = {"json", "text", "auto",
                                          NULL} /* as enum luna_log_format */;

#define MEMBER(name) offsetof(struct syncd_config, name)

const struct luna_setting syncd_settings[] = {
    {.name = "LUNA_DATABASE_URL",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_REQUIRED | LUNA_SETTING_SECRET | LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(database_url),
     .help = "PostgreSQL URL with the role luna_syncd: "
             "postgresql://user:password@host:port/database. An optional second line is the URL "
             "with the previous password, which is used if PostgreSQL refuses the first line."},
    {.name = "LUNA_REDIS_URL",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_REQUIRED | LUNA_SETTING_SECRET | LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(redis_url),
     .help = "Redis URL: redis://[[user]:password@]host:port[/db] or unix:///path[?db=n]."},
    {.name = "LUNA_STATE_DIR",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_REQUIRED,
     .offset = MEMBER(state_dir),
     .help = "Directory of this host's charge journals; the workers must have the same value."},
    {.name = "LUNA_ENV_FILE",
     .type = LUNA_SETTING_STRING,
     .offset = MEMBER(env_file),
     .help = "File with NAME=value lines, for settings that are not in the environment; it is read "
             "again on SIGHUP."},
    {.name = "LUNA_DURABILITY",
     .type = LUNA_SETTING_ENUM,
     .offset = MEMBER(durability),
     .default_text = "default",
     .choices = luna_durability_words,
     .help = "strict: the ledger is exact even with several hosts and after a power loss. This "
             "needs appendfsync always in Redis, and the same setting in the workers."},
    {.name = "LUNA_SYNC_INTERVAL_MS",
     .type = LUNA_SETTING_INT,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(interval_ms),
     .default_text = "1000",
     .min = 10,
     .max = 3600000,
     .help = "Interval between booking rounds, in milliseconds. After an operator's change, "
             "PostgreSQL notifies quota-syncd, and a round starts at once."},
    {.name = "LUNA_SYNC_BATCH_ACCOUNTS",
     .type = LUNA_SETTING_INT,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(batch_accounts),
     .default_text = "500",
     .min = 1,
     .max = 5000,
     .help = "Maximum number of accounts booked in one PostgreSQL transaction."},
    {.name = "LUNA_REDIS_TIMEOUT_MS",
     .type = LUNA_SETTING_INT,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(redis_timeout_ms),
     .default_text = "1000",
     .min = 10,
     .max = 60000,
     .help = "Timeout of a Redis command, in milliseconds."},
    {.name = "LUNA_DATABASE_TIMEOUT_MS",
     .type = LUNA_SETTING_INT,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(database_timeout_ms),
     .default_text = "5000",
     .min = 10,
     .max = 600000,
     .help = "Timeout of a PostgreSQL statement, in milliseconds."},
    {.name = "LUNA_CLOCK_OFFSET_MAX_MS",
     .type = LUNA_SETTING_INT,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(clock_offset_max_ms),
     .default_text = "60000",
     .min = 5000,
     .max = 540000,
     .help = "Maximum difference between the clocks of Redis and PostgreSQL, in milliseconds. "
             "While it is greater, no quota period is ended."},
    {.name = "LUNA_STOP_TIMEOUT_MS",
     .type = LUNA_SETTING_INT,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(stop_timeout_ms),
     .default_text = "10000",
     .min = 0,
     .max = 600000,
     .help = "Maximum time for the last booking round after SIGTERM, in milliseconds. Charges that "
             "remain are booked after the next start."},
    {.name = "LUNA_METRICS_LISTEN",
     .type = LUNA_SETTING_STRING,
     .offset = MEMBER(metrics_listen),
     .help = "host:port on which to serve /livez, /readyz, /metrics and /status, such as "
             "127.0.0.1:9465; if unset, these pages are not served."},
    {.name = "LUNA_ALLOW_UNSAFE_REDIS",
     .type = LUNA_SETTING_BOOL,
     .offset = MEMBER(allow_unsafe_redis),
     .default_text = "off",
     .help = "on: accept a Redis that can evict or lose quotas; for development only."},
    {.name = "LUNA_SANDBOX",
     .type = LUNA_SETTING_ENUM,
     .offset = MEMBER(sandbox),
     .default_text = "errno",
     .choices = luna_sandbox_words,
     .help = "Effect of a system call that the daemon is not allowed to make. off: the call is "
             "allowed; log: "
             "the call is allowed and logged; errno: the call fails; kill: the daemon is killed."},
    {.name = "LUNA_LOG_LEVEL",
     .type = LUNA_SETTING_ENUM,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(log_level),
     .default_text = "info",
     .choices = log_levels,
     .help = "Minimum log level."},
    {.name = "LUNA_LOG_FORMAT",
     .type = LUNA_SETTING_ENUM,
     .flags = LUNA_SETTING_RELOADABLE,
     .offset = MEMBER(log_format),
     .default_text = "auto",
     .choices = log_formats,
     .help = "Format of log lines: json (one object per line), text (key=value), or auto (text on "
             "a terminal, otherwise json)."},
    {.name = "LUNA_LOG_FILE",
     .type = LUNA_SETTING_STRING,
     .offset = MEMBER(log_file),
     .help = "File to which log lines are appended; if unset, they go to standard error. After a "
             "rotation, send SIGUSR1 to reopen the file."},
    {.name = NULL}};

enum luna_code syncd_config_load(struct syncd_config *ret_config, struct luna_error *err)
{
    return luna_config_load_with_file(syncd_settings, luna_config_env, ret_config, err);
}

void syncd_config_done(struct syncd_config *config)
{
    luna_config_done(syncd_settings, config);
}

enum luna_code syncd_config_reload(const struct syncd_config *running,
                                   struct syncd_config *ret_config, char *ret_restart, size_t size,
                                   struct luna_error *err)
{
    enum luna_code code = syncd_config_load(ret_config, err);
    if (code != LUNA_OK)
        return code;
    code = luna_config_keep_fixed(syncd_settings, running, ret_config, ret_restart, size, err);
    if (code != LUNA_OK)
        syncd_config_done(ret_config);
    return code;
}
