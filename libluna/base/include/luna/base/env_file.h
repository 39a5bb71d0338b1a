/*
 * env_file.h: settings from a file, so that SIGHUP can change what the environment of a running
 * process cannot.
 *
 * The format is that of the examples in conf/, of systemd's EnvironmentFile and `docker
 * --env-file`: NAME=value, one per line; blank lines and lines that start with # are skipped; a
 * value may be in one pair of single or double quotes; nothing is expanded. Limits:
 * LUNA_ENV_FILE_BYTES_MAX. Ownership: the values are valid until luna_env_file_free().
 * luna_config_load_with_file() reads the environment first and the file second.
 */
#ifndef LUNA_BASE_ENV_FILE_H
#define LUNA_BASE_ENV_FILE_H

#include "luna/base/error.h"

enum { LUNA_ENV_FILE_BYTES_MAX = 64 * 1024 };

struct luna_env_file;

/* LUNA_ECONFIG names the file and the line. */
enum luna_code luna_env_file_read(const char *path, struct luna_env_file **ret_file,
                                  struct luna_error *err) LUNA_MUSTCHECK;
/* NULL is allowed. Wipes the values: some are secrets. */
void luna_env_file_free(struct luna_env_file *file);
/* The last value of `name`, or NULL. NULL for a NULL file. */
const char *luna_env_file_get(const struct luna_env_file *file, const char *name);

/* May other users read or change the file, which gives the secret `name`? LUNA_ECONFIG then:
 * secret_file.h. */
enum luna_code luna_env_file_keeps_secret(const struct luna_env_file *file, const char *name,
                                          struct luna_error *err) LUNA_MUSTCHECK;

#endif
