/*
 * cli_config.h: the settings of `luna`, declared once in cli_config.c.
 *
 * No setting is required by every command (`luna kalman` needs none); a command states what it
 * needs when it opens its session.
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "luna/base/config.h"

struct cli_config {
    char *database_url;
    char *redis_url;
    char *key_pepper;
    int64_t key_pepper_id;
    char *key_pepper_previous;
    int64_t key_pepper_previous_id;
    char *monitor_listen;
    char *syncd_listen;
    int64_t redis_timeout_ms;
    int64_t database_timeout_ms;
};

extern const struct luna_setting cli_settings[];

enum luna_code cli_config_load(struct cli_config *ret_config,
                               struct luna_error *err) LUNA_MUSTCHECK;
void cli_config_done(struct cli_config *config);
/* LUNA_OK when the string setting `name` is set; else LUNA_ECONFIG, and the error describes the
 * setting. */
enum luna_code cli_config_need(const struct cli_config *config, const char *name,
                               struct luna_error *err) LUNA_MUSTCHECK;

#endif
