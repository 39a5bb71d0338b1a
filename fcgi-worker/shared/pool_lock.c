#include "shared/pool_lock.h"

#include "luna/store/admission.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char file_name[] = "pool.lock";

/* The masters' bytes come first, then the workers'. */
enum { WORKERS_AT = LUNA_WORKERS_MAX };

static struct flock range(short type, off_t first, off_t count)
{
    assert(first >= 0 && count > 0); /* a count of 0 locks up to the end: the slots of all pools */
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
}

/* The process that holds a lock in the range, as this one may see it: 0 when it is in another
 * process namespace. -1: none holds one. */
static pid_t holder(int fd, off_t first, off_t count)
{
    assert(fd >= 0); /* else none would seem to hold one */
    struct flock found = range(F_WRLCK, first, count);
    return fcntl(fd, F_GETLK, &found) != 0 || found.l_type == F_UNLCK ? -1 : found.l_pid;
}

static int make_file(int dir_fd)
{
    struct stat dir;
    int fd = openat(dir_fd, file_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    /* Root makes it for the user that the pool will become. Only a file that was made here. */
    if (fd >= 0 && geteuid() == 0 &&
        (fstat(dir_fd, &dir) != 0 || fchown(fd, dir.st_uid, dir.st_gid) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int open_file(int dir_fd)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir_fd, file_name, flags);
    if (fd < 0 && errno == ENOENT)
        fd = make_file(dir_fd);
    return fd < 0 && errno == EEXIST ? openat(dir_fd, file_name, flags) : fd;
}

static enum luna_code open_in(const char *dir, int *ret_fd, struct luna_error *err)
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = dir_fd >= 0 ? open_file(dir_fd) : -1;
    int reason = errno;
    if (dir_fd >= 0)
        close(dir_fd);
    if (fd < 0) /* a full disk is not a wrong setting */
        return luna_error_set(err, reason == ENOSPC ? LUNA_EIO : LUNA_ECONFIG,
                              "LUNA_STATE_DIR: cannot open %s in %s: %s", file_name, dir,
                              strerror(reason));
    *ret_fd = fd;
    return LUNA_OK;
}

enum luna_code pool_lock_take(const struct worker_config *config, int inherited_fd,
                              struct pool_lock *ret_lock, struct luna_error *err)
{
    struct pool_lock lock = {.fd = inherited_fd,
                             .slot_first = (int)config->journal_slot_first,
                             .slot_count = (int)config->journal_slot_count};
    enum luna_code code = inherited_fd < 0 ? open_in(config->state_dir, &lock.fd, err) : LUNA_OK;
    if (code != LUNA_OK)
        return code;
    struct flock ours = range(F_WRLCK, lock.slot_first, lock.slot_count);
    if (fcntl(lock.fd, F_SETLK, &ours) == 0) {
        *ret_lock = lock;
        return LUNA_OK;
    }
    pid_t other = holder(lock.fd, lock.slot_first, lock.slot_count);
    close(lock.fd);
    return luna_error_set(err, LUNA_ECONFLICT,
                          "another master (process id %ld) uses journal slots %d to %d of %s: it "
                          "holds the lock %s",
                          (long)other, lock.slot_first, lock.slot_first + lock.slot_count - 1,
                          config->state_dir, file_name);
}

void pool_lock_mark(const struct pool_lock *lock, int slot)
{
    assert(slot >= 0 && (lock->fd < 0 || slot < lock->slot_count)); /* others are another pool's */
    struct flock ours = range(F_WRLCK, WORKERS_AT + lock->slot_first + slot, 1);
    /* Fails only for want of memory: then a later master does not see this worker, and its journal
     * keeps the slot. */
    if (lock->fd >= 0)
        (void)fcntl(lock->fd, F_SETLK, &ours);
}

pid_t pool_lock_orphan(const struct pool_lock *lock, int slot)
{
    assert(slot >= 0 && (lock->fd < 0 || slot < lock->slot_count));
    pid_t found = lock->fd >= 0 ? holder(lock->fd, WORKERS_AT + lock->slot_first + slot, 1) : -1;
    return found < 0 ? 0 : found;
}
