/*
 * tar.h: writes a tar archive (POSIX ustar) of small files from memory.
 */
#ifndef CLI_TAR_H
#define CLI_TAR_H

#include "luna/base/error.h"

#include <stddef.h>

struct tar {
    int fd;
    const char *path; /* borrowed; for error messages */
};

/* Creates `path`, readable by its owner only. LUNA_ECONFLICT: it exists. LUNA_EIO. */
enum luna_code tar_create(const char *path, struct tar *ret_tar,
                          struct luna_error *err) LUNA_MUSTCHECK;
/* `name` has less than 100 bytes. LUNA_EIO. */
enum luna_code tar_add(const struct tar *tar, const char *name, const char *data, size_t len,
                       struct luna_error *err) LUNA_MUSTCHECK;
/* Ends the archive, and closes it in any case. LUNA_EIO. */
enum luna_code tar_close(struct tar *tar, struct luna_error *err) LUNA_MUSTCHECK;

#endif
