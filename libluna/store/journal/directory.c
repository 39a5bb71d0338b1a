#include "journal/directory.h"

#include "client/pg.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NAME_CHARACTERS = 9 }; /* 'w' and 32 bits in hexadecimal digits */

/* Anyone who can write here can forge what was answered. A volume may belong to root and let its
 * group write, if that is our own (Kubernetes's fsGroup). */
static enum luna_code check_rights(int fd, const char *path, struct luna_error *err)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return luna_error_set(err, LUNA_EIO, "journal: %s: %s", path, strerror(errno));
    if (geteuid() != 0 && info.st_uid != 0 && info.st_uid != geteuid())
        return luna_error_set(err, LUNA_ECONFIG,
                              "journal: %s belongs to user %lld, not to user %lld, who runs this: "
                              "chown it",
                              path, (long long)info.st_uid, (long long)geteuid());
    if ((info.st_mode & S_IWOTH) != 0 ||
        ((info.st_mode & S_IWGRP) != 0 && info.st_gid != getegid()))
        return luna_error_set(err, LUNA_ECONFIG,
                              "journal: other users may write to %s (mode %04o): chmod go-w it",
                              path, (unsigned)info.st_mode & 07777);
    return LUNA_OK;
}

enum luna_code luna_journal_dir_open(const char *path, int *ret_fd, struct luna_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return luna_error_set(err, LUNA_EIO, "journal: cannot create %s: %s", path,
                              strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: cannot open %s: %s", path, strerror(errno));
    enum luna_code code = check_rights(fd, path, err);
    if (code == LUNA_OK)
        *ret_fd = fd;
    else
        close(fd);
    return code;
}

/* The file appears complete, by link(): when two processes draw a name at the same time, one wins
 * and both read that one. */
static enum luna_code draw_name(int dir_fd, struct luna_error *err)
{
    uint32_t drawn = 0;
    char text[LUNA_JOURNAL_NAME_BYTES], path[32];
    if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn)
        return luna_error_set(err, LUNA_EIO, "journal: getrandom: %s", strerror(errno));
    int len = snprintf(text, sizeof text, "w%08x", drawn);
    assert(len == NAME_CHARACTERS); /* any other name counts as damaged, at every start */
    snprintf(path, sizeof path, "name.%ld", (long)getpid());
    int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0;
    bool placed = written && (linkat(dir_fd, path, dir_fd, "name", 0) == 0 || errno == EEXIST);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    (void)unlinkat(dir_fd, path, 0); /* fails when it was not created */
    return placed ? LUNA_OK : luna_error_set(err, LUNA_EIO, "journal: name: %s", strerror(saved));
}

/* No open waits, whatever else may have that name. */
static int open_name(int dir_fd)
{
    return openat(dir_fd, "name", O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_file(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

enum luna_code luna_journal_dir_name(int dir_fd, char ret_name[LUNA_JOURNAL_NAME_BYTES],
                                     struct luna_error *err)
{
    char text[LUNA_JOURNAL_NAME_BYTES] = "";
    int fd = open_name(dir_fd);
    if (fd < 0 && errno == ENOENT) {
        enum luna_code code = draw_name(dir_fd, err);
        if (code != LUNA_OK)
            return code;
        fd = open_name(dir_fd);
    }
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: name: %s", strerror(errno));
    ssize_t got = is_file(fd) ? read(fd, text, sizeof text - 1) : 0;
    close(fd);
    if (got != NAME_CHARACTERS || text[0] != 'w' ||
        strspn(text + 1, "0123456789abcdef") != NAME_CHARACTERS - 1)
        return luna_error_set(
            err, LUNA_EPROTOCOL,
            "journal: the file \"name\" is damaged: stop the workers and quota-syncd, run "
            "rm \"$LUNA_STATE_DIR/name\", and start them");
    memcpy(ret_name, text, sizeof text);
    return LUNA_OK;
}

enum luna_code luna_journal_dir_announce(struct luna_database *database, const char *name,
                                         struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    /* Every other name is one directory more: no recovery would refund anything. */
    assert(name[0] == 'w' && strlen(name) == NAME_CHARACTERS);
    luna_pg_param_text(&params, name);
    enum luna_code code =
        luna_pg_query(database, deadline, "SELECT luna_host_seen($1)", &params, &result, err);
    if (code == LUNA_OK)
        luna_pg_result_free(result);
    return code;
}

static int try_lock(int fd, enum luna_journal_lock byte, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &range);
}

enum luna_code luna_journal_lock(int fd, enum luna_journal_lock byte, bool exclusive,
                                 struct luna_deadline deadline, struct luna_error *err)
{
    const struct timespec step = {.tv_nsec = 500000};
    assert(fd >= 0);
    while (try_lock(fd, byte, exclusive ? F_WRLCK : F_RDLCK) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return luna_error_set(err, LUNA_EIO, "journal: lock: %s", strerror(errno));
        if (luna_deadline_passed(deadline))
            return luna_error_set(err, LUNA_ETIMEOUT,
                                  "journal: another process has held a lock for too long");
        nanosleep(&step, NULL);
    }
    return LUNA_OK;
}

void luna_journal_unlock(int fd, enum luna_journal_lock byte)
{
    int failed = try_lock(fd, byte, F_UNLCK);
    assert(failed == 0); /* it cannot, on an open descriptor */
    (void)failed;
}
