/*
 * syncd_config.h: quota-syncd's settings, declared once in syncd_config.c.
 *
 * They come from the environment; LUNA_ENV_FILE may name a file for variables that are not set in
 * the environment, which is reread on SIGHUP.
 */
#ifndef SYNCD_CONFIG_H
#define SYNCD_CONFIG_H

#include "luna/base/config.h"

#include <stdbool.h>
#include <stdint.h>

struct syncd_config {
    char *database_url;
    char *redis_url;
    char *state_dir; /* the charge journals of the workers of this host */
    int64_t interval_ms;
    int64_t batch_accounts;
    int64_t redis_timeout_ms;
    int64_t database_timeout_ms;
    int64_t clock_offset_max_ms;
    int64_t stop_timeout_ms;
    char *env_file;
    char *metrics_listen; /* NULL: no listener */
    bool allow_unsafe_redis;
    int durability; /* enum luna_durability */
    int sandbox;    /* enum luna_sandbox_mode */
    int log_level;
    int log_format;
    char *log_file; /* NULL: standard error */
};

extern const struct luna_setting syncd_settings[];

enum luna_code syncd_config_load(struct syncd_config *ret_config,
                                 struct luna_error *err) LUNA_MUSTCHECK;
void syncd_config_done(struct syncd_config *config);
/* Loads them again for a running daemon. What is not reloadable keeps its value; *ret_restart
 * (`size` bytes) names the settings that a restart is needed for; "": none. */
enum luna_code syncd_config_reload(const struct syncd_config *running,
                                   struct syncd_config *ret_config, char *ret_restart, size_t size,
                                   struct luna_error *err) LUNA_MUSTCHECK;

#endif
