/*
 * A reader that stops must not stop the writer: write(2) waits for as long as a pipe, a socket or a
 * terminal is full, and nothing that waits for it can be killed by a deadline of its own.
 *
 * O_NONBLOCK belongs to the open file description, and that of standard error is shared with the
 * shell that started the program and with all other programs of its pipeline: they would fail with
 * EAGAIN. So standard error is opened again through /proc, which gives a description of its own to
 * the same pipe or terminal, with the same readers. A socket cannot be opened again, but send(2)
 * takes MSG_DONTWAIT for one call. poll(2) before write(2) would not do: the processes of a pool
 * share the pipe, and another one may fill it in between.
 *
 * A regular file has no reader; a disk that does not answer blocks every program on it.
 */
#include "log_output.h"

#include "luna/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640 };

static bool is_socket;
/* The last line was written in part: the next one begins on a line of its own. */
static atomic_bool own_torn;
static atomic_bool *torn = &own_torn;

void luna_log_share_torn(atomic_bool *shared)
{
    torn = shared != NULL ? shared : &own_torn;
}

void luna_log_unblock(void)
{
    struct stat info;
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    is_socket = false;
    if (flags < 0 || (flags & O_NONBLOCK) != 0 || fstat(STDERR_FILENO, &info) != 0 ||
        S_ISREG(info.st_mode))
        return;
    is_socket = S_ISSOCK(info.st_mode);
    if (is_socket)
        return;
    int fd =
        open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (flags & O_APPEND));
    /* Refused where the pipe or terminal belongs to another user (sudo -u). The lesser harm then is
     * to change the shared description. */
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* A FIFO that nobody reads cannot be opened for writing only. Opened for both, it keeps what fits
 * for a reader that comes later. */
static int open_to_append(const char *path)
{
    const int flags = O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, O_WRONLY | O_CREAT | flags, FILE_MODE);
    return fd < 0 && errno == ENXIO ? open(path, O_RDWR | flags) : fd;
}

enum luna_code luna_log_open(const char *path, struct luna_error *err)
{
    int fd = open_to_append(path);
    enum luna_code code = LUNA_OK;
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        code =
            luna_error_set(err, LUNA_EIO, "cannot append to %s: %s", path, strerrordesc_np(errno));
    else
        is_socket = false;
    if (fd > STDERR_FILENO)
        close(fd);
    return code;
}

static ssize_t write_once(const char *bytes, size_t len)
{
    ssize_t written = 0;
    do {
        written = is_socket ? send(STDERR_FILENO, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : write(STDERR_FILENO, bytes, len);
    } while (written < 0 && errno == EINTR);
    return written;
}

bool log_output_write(const char *line, size_t len)
{
    if (atomic_exchange(torn, false) && write_once("\n", 1) != 1) {
        atomic_store(torn, true);
        return false;
    }
    ssize_t written = write_once(line, len);
    if (written > 0 && (size_t)written < len)
        atomic_store(torn, true);
    return written == (ssize_t)len;
}
