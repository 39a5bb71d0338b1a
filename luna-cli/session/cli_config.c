#include "session/cli_config.h"

#include "luna/store/pepper.h"

#include <stddef.h>
#include <string.h>

#define MEMBER(name) offsetof(struct cli_config, name)

const struct luna_setting cli_settings[] = {
    {.name = "LUNA_DATABASE_URL",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_SECRET,
     .offset = MEMBER(database_url),
     .help =
         "PostgreSQL URL with the role luna_admin or, for luna migrate, the role that owns the "
         "schema: postgresql://user:password@host:port/database. An optional second line is the "
         "URL with the previous password, which is used if PostgreSQL refuses the first line."},
    {.name = "LUNA_REDIS_URL",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_SECRET,
     .offset = MEMBER(redis_url),
     .help = "Redis URL: redis://[[user]:password@]host:port[/db] or unix:///path[?db=n]."},
    {.name = "LUNA_KEY_PEPPER",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_SECRET,
     .offset = MEMBER(key_pepper),
     .help = "Pepper: the secret key of the digests of API keys, with 64 to 256 hexadecimal "
             "digits; the same in every program."},
    {.name = "LUNA_KEY_PEPPER_ID",
     .type = LUNA_SETTING_INT,
     .offset = MEMBER(key_pepper_id),
     .default_text = "1",
     .min = 1,
     .max = LUNA_PEPPER_ID_MAX,
     .help = "Id of LUNA_KEY_PEPPER; the workers must have the same value."},
    {.name = "LUNA_KEY_PEPPER_PREVIOUS",
     .type = LUNA_SETTING_STRING,
     .flags = LUNA_SETTING_SECRET,
     .offset = MEMBER(key_pepper_previous),
     .help = "The pepper that LUNA_KEY_PEPPER replaces; the workers must have the same value."},
    {.name = "LUNA_KEY_PEPPER_PREVIOUS_ID",
     .type = LUNA_SETTING_INT,
     .offset = MEMBER(key_pepper_previous_id),
     .default_text = "0",
     .min = 0,
     .max = LUNA_PEPPER_ID_MAX,
     .help = "Id of LUNA_KEY_PEPPER_PREVIOUS; 0 if that is not set."},
    {.name = "LUNA_MONITOR_LISTEN",
     .type = LUNA_SETTING_STRING,
     .offset = MEMBER(monitor_listen),
     .help = "host:port of the worker pool's monitor. luna health, status and top use it."},
    {.name = "LUNA_METRICS_LISTEN",
     .type = LUNA_SETTING_STRING,
     .offset = MEMBER(syncd_listen),
     .help = "host:port of the health pages of quota-syncd. luna health uses it."},
    {.name = "LUNA_REDIS_TIMEOUT_MS",
     .type = LUNA_SETTING_INT,
     .offset = MEMBER(redis_timeout_ms),
     .default_text = "2000",
     .min = 10,
     .max = 60000,
     .help = "Timeout of a Redis command, in milliseconds."},
    {.name = "LUNA_DATABASE_TIMEOUT_MS",
     .type = LUNA_SETTING_INT,
     .offset = MEMBER(database_timeout_ms),
     .default_text = "30000",
     .min = 10,
     .max = 3600000,
     .help = "Timeout of a PostgreSQL statement, in milliseconds."},
    {.name = NULL}};

enum luna_code cli_config_load(struct cli_config *ret_config, struct luna_error *err)
{
    return luna_config_load(cli_settings, luna_config_env, ret_config, err);
}

void cli_config_done(struct cli_config *config)
{
    luna_config_done(cli_settings, config);
}

enum luna_code cli_config_need(const struct cli_config *config, const char *name,
                               struct luna_error *err)
{
    for (const struct luna_setting *setting = cli_settings; setting->name; setting++) {
        if (strcmp(setting->name, name) != 0)
            continue;
        const char *const *member = (const void *)((const char *)config + setting->offset);
        if (*member)
            return LUNA_OK;
        return luna_error_set(err, LUNA_ECONFIG, "%s is not set; expected: %s", name,
                              setting->help);
    }
    return luna_error_set(err, LUNA_ECONFIG, "unknown setting %s", name);
}
