#include "master/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

enum luna_code pid_file_write(const char *path, struct luna_error *err)
{
    char fresh[PATH_BYTES];
    char text[32];
    if (path == NULL || *path == '\0')
        return LUNA_OK;
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_PID_FILE is longer than %zu bytes",
                              sizeof fresh - sizeof ".new");
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len && rename(fresh, path) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    if (!written)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_PID_FILE: cannot write %s: %s", path,
                              strerror(reason));
    return LUNA_OK;
}

void pid_file_remove(const char *path)
{
    if (path != NULL && *path != '\0')
        (void)unlink(path);
}
