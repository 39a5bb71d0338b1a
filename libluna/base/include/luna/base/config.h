/*
 * config.h: settings from the environment, declared in one table per program.
 *
 * A program lists its settings once; loading, range checks, `--help`, and the check of the example
 * files in conf/ all read that table. A setting NAME may be given as the variable NAME; one flagged
 * LUNA_SETTING_SECRET also as NAME_FILE, the path of a file that holds the value (trailing newline
 * dropped), never both. Units are part of the name: LUNA_REDIS_TIMEOUT_MS, LUNA_BODY_BYTES_MAX.
 * Ownership: strings are copied into the caller's struct as malloc'd memory; luna_config_done()
 * frees them.
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
    LUNA_SETTING_REQUIRED = 1,  /* no default: absent or empty is an error */
    LUNA_SETTING_SECRET = 2,    /* NAME_FILE accepted; value never printed */
    LUNA_SETTING_RELOADABLE = 4 /* taken over at SIGHUP */
};

struct luna_setting {
    const char *name; /* LUNA_… */
    enum luna_setting_type type;
    unsigned flags;
    size_t offset;              /* of the member in the program's struct */
    const char *default_text;   /* NULL: none (a string member stays NULL) */
    int64_t min, max;           /* INT */
    const char *const *choices; /* ENUM */
    const char *help;           /* one sentence: what it is, its unit */
};

/* The exit status of a program whose configuration is wrong: sysexits' EX_CONFIG. */
enum { LUNA_EXIT_CONFIG = 78 };

/* getenv as luna_config_load() wants it; what every program passes. Call before threads start. */
const char *luna_config_env(const char *name);

/* Reads every setting of `table` (ends with name == NULL) through `get` into `target`, whose
 * strings must own nothing. An empty variable counts as not set. The error names the variable, what
 * it held (unless secret) and what was wanted: LUNA_ECONFIG, or LUNA_ENOMEM. After a failure the
 * strings of `target` are NULL and nothing needs freeing. */
enum luna_code luna_config_load(const struct luna_setting *table,
                                const char *(*get)(const char *name), void *target,
                                struct luna_error *err) LUNA_MUSTCHECK;
/* As luna_config_load(), for a program that reads its settings again at SIGHUP: what `get` leaves
 * unset or empty is taken from the file that LUNA_ENV_FILE names (env_file.h), when it names one.
 * LUNA_ECONFIG also for that file. On such a failure `target` is untouched. */
enum luna_code luna_config_load_with_file(const struct luna_setting *table,
                                          const char *(*get)(const char *name), void *target,
                                          struct luna_error *err) LUNA_MUSTCHECK;
void luna_config_done(const struct luna_setting *table, void *target);
/* The table as --help text, and as an example environment file (every optional setting commented
 * out with its default). */
void luna_config_help(const struct luna_setting *table, struct luna_buf *out);
void luna_config_example(const struct luna_setting *table, const char *program,
                         struct luna_buf *out);

#endif
