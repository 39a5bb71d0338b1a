/*
 * secret_file.h: may this file hold a secret?
 *
 * As PostgreSQL does with its key: nobody but the owner may read or write it; a file of root's may
 * be read by its group, which is then the service's. Where modes say nothing about users, as the
 * mount belongs to one container or unit, others may read it as well: on a mount that is read-only,
 * or on a memory file system of its own (Kubernetes, Docker and Podman show their secrets with mode
 * 0444, systemd its credentials). Nowhere may others write it. What is no regular file (a pipe) has
 * no mode that matters.
 */
#ifndef LUNA_BASE_SECRET_FILE_H
#define LUNA_BASE_SECRET_FILE_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

/* `is_secret_mount`: the mount belongs to one container or unit. */
bool luna_secret_file_is_exposed(mode_t mode, uid_t owner, bool is_secret_mount);

/* LUNA_ECONFIG when it is exposed: `what` and `path`, the mode, and the command that corrects it.
 * `what` comes before the path, like "LUNA_KEY_PEPPER_FILE names". LUNA_OK also when nothing can be
 * found out about `fd`: to read it will fail. */
enum luna_code luna_secret_file_check(int fd, const char *what, const char *path,
                                      struct luna_error *err) LUNA_MUSTCHECK;

#endif
