/*
 * config.h: settings from the environment, declared in one table per program.
 *
 * A program lists its settings once; loading, range checks, `--help`, and the example files in
 * conf/ all derive from that table. A setting NAME is read from the variable NAME; one flagged
 * LUNA_SETTING_SECRET alternatively from NAME_FILE, the path of a file that holds the value (a
 * trailing newline is dropped) and that other users neither read nor write (secret_file.h); setting
 * both is an error. Units are part of the name:
 * LUNA_REDIS_TIMEOUT_MS, LUNA_BODY_BYTES_MAX. Ownership: strings are copied into the caller's
 * struct as malloc'd memory; luna_config_done() frees them.
 */
#ifndef LUNA_BASE_CONFIG_H
#define LUNA_BASE_CONFIG_H

#include "luna/base/buf.h"
#include "luna/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum luna_setting_type {
    LUNA_SETTING_STRING, /* char * in the struct */
    LUNA_SETTING_INT,    /* int64_t */
    LUNA_SETTING_BOOL,   /* bool: on|off|true|false|1|0|yes|no */
    LUNA_SETTING_ENUM    /* int: index into `choices`, a NULL-terminated list */
};

enum luna_setting_flags {
    LUNA_SETTING_REQUIRED = 1,  /* no default: unset or empty is an error */
    LUNA_SETTING_SECRET = 2,    /* NAME_FILE accepted; value never printed */
    LUNA_SETTING_RELOADABLE = 4 /* reloaded on SIGHUP */
};

struct luna_setting {
    const char *name; /* LUNA_… */
    enum luna_setting_type type;
    unsigned flags;
    size_t offset;              /* of the member in the struct of the program */
    const char *default_text;   /* NULL: none (a string member stays NULL) */
    int64_t min, max;           /* INT */
    const char *const *choices; /* ENUM */
    const char *help;           /* one sentence with the unit */
};

/* The exit status for an invalid configuration: EX_CONFIG of sysexits.h. */
enum { LUNA_EXIT_CONFIG = 78 };
/* The exit status when another process holds what this one needs, so that a later start may
 * succeed: EX_TEMPFAIL. */
enum { LUNA_EXIT_TEMPFAIL = 75 };

/* getenv(), as an argument for luna_config_load(). Call before threads start. */
const char *luna_config_env(const char *name);

/* Reads every setting of `table` (ends with name == NULL) through `get` into `target`, whose
 * strings are overwritten without being freed. An empty variable counts as not set. LUNA_ECONFIG:
 * the message names the variable, its value (unless secret) and what is expected; LUNA_ENOMEM.
 * After a failure the strings of `target` are NULL and nothing needs freeing. */
enum luna_code luna_config_load(const struct luna_setting *table,
                                const char *(*get)(const char *name), void *target,
                                struct luna_error *err) LUNA_MUSTCHECK;
/* As luna_config_load(), for a program that reloads its settings on SIGHUP: a variable that `get`
 * leaves unset or empty is looked up in the file that LUNA_ENV_FILE names (env_file.h), if it is
 * set. LUNA_ECONFIG also when that file cannot be read; then `target` is unchanged. */
enum luna_code luna_config_load_with_file(const struct luna_setting *table,
                                          const char *(*get)(const char *name), void *target,
                                          struct luna_error *err) LUNA_MUSTCHECK;
/* For a reload, before `fresh` takes the place of `running`: a setting that is not
 * LUNA_SETTING_RELOADABLE gets its running value. *ret_names (`size` bytes) lists those that
 * differed, separated by commas: a restart is needed for them. LUNA_ENOMEM: `fresh` is still to be
 * freed. */
enum luna_code luna_config_keep_fixed(const struct luna_setting *table, const void *running,
                                      void *fresh, char *ret_names, size_t size,
                                      struct luna_error *err) LUNA_MUSTCHECK;
void luna_config_done(const struct luna_setting *table, void *target);
/* The table as --help text, and as an example environment file, in which every optional setting is
 * commented out with its default. */
void luna_config_help(const struct luna_setting *table, struct luna_buf *out);
void luna_config_example(const struct luna_setting *table, const char *program,
                         struct luna_buf *out);

#endif
