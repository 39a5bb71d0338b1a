/*
 * worker_config.h: the settings of the worker pool, in one table.
 *
 * Who: main.c loads them once; reload.c loads them again on SIGHUP, for new workers. Everybody else
 * reads. Values come from the environment; LUNA_ENV_FILE may name a file of NAME=value lines for
 * settings that the environment leaves unset or empty, which is read again on SIGHUP. Ownership:
 * worker_config_done() frees the strings.
 */
#ifndef FCGI_WORKER_CONFIG_H
#define FCGI_WORKER_CONFIG_H

#include "luna/base/buf.h"
#include "luna/base/config.h"
#include "luna/base/error.h"
#include "luna/store/pepper.h"
#include "shared/token_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pool_mode { POOL_STATIC, POOL_DYNAMIC };

/* Half of the slots, less one: a reload needs a second set while the first one drains, and a
 * self-test needs a slot. */
enum { WORKERS_MAX = 127 };

struct worker_config {
    char *socket_path;
    char *socket_group;
    char *socket_peers;
    char *worker_listen;
    char *worker_peers;
    bool worker_network_private;
    char *user;
    char *group;
    char *pid_file;
    char *env_file;
    char *state_dir;
    char *monitor_listen;
    char *redis_url;
    char *database_url;
    char *key_pepper; /* hex, as given */
    int64_t key_pepper_id;
    char *key_pepper_previous;
    int64_t key_pepper_previous_id;
    char *token_keys_text;
    struct token_keys token_keys; /* none when LUNA_TOKEN_KEYS is unset: each worker derives one */
    char *cors_origins;
    unsigned char pepper[LUNA_PEPPER_BYTES_MAX];
    size_t pepper_len;
    struct luna_pepper previous_pepper; /* id 0: none */
    int64_t journal_slot_first;
    int64_t journal_slot_count;
    int pool_mode;
    int64_t workers;
    int64_t workers_min;
    int64_t workers_max;
    int64_t workers_spare;
    int64_t backlog;
    int64_t queue_wait_target_ms;
    int64_t queue_wait_max_ms;
    int64_t request_timeout_ms;
    int64_t hard_limit_grace_ms;
    int64_t redis_timeout_ms;
    int64_t database_timeout_ms;
    int64_t clock_offset_max_ms;
    int64_t drain_timeout_ms;
    int64_t start_timeout_ms;
    int64_t ready_stall_ms;
    int64_t live_stall_ms;
    int64_t slow_ms;
    int64_t body_bytes_max;
    int64_t points_max;
    int64_t account_workers_max; /* 0: half of the pool */
    int64_t requests_max;
    int64_t worker_age_max_s;
    int64_t worker_memory_bytes_max;
    int64_t quarantine_s;
    int sandbox; /* enum luna_sandbox_mode */
    int64_t answer_bytes_max;
    int durability; /* enum luna_durability */
    bool core_dumps;
    int log_level;
    int log_format;
    char *log_file;
};

/* For --help, --config-example and the check of conf/fcgi-worker.env.example. */
extern const struct luna_setting worker_settings[];

/* Reads and cross-checks every setting through `get` (getenv's shape). LUNA_ECONFIG names the
 * variable. */
enum luna_code worker_config_load(const char *(*get)(const char *name),
                                  struct worker_config *ret_config,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* The same for a reload: what is not reloadable keeps the value of `running`. *ret_restart (`size`
 * bytes) names the settings that a restart is needed for; "": none. */
enum luna_code worker_config_reload(const char *(*get)(const char *name),
                                    const struct worker_config *running,
                                    struct worker_config *ret_config, char *ret_restart,
                                    size_t size, struct luna_error *err) LUNA_MUSTCHECK;
void worker_config_done(struct worker_config *config);

/* Does the pool listen on LUNA_WORKER_LISTEN, and not on a unix socket? */
bool worker_config_uses_tcp(const struct worker_config *config);

/* The journal slot of the self-test: no worker has it. */
int worker_config_self_test_slot(const struct worker_config *config);

/* The most workers that may serve at once under this configuration, the draining ones not
 * counted. */
int worker_config_pool_max(const struct worker_config *config);

#endif
