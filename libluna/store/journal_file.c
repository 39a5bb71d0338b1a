#include "journal_file.h"

#include "luna/store/admission.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* FNV-1a. Against torn records after a power loss, not against people. */
static uint32_t check_of(const struct luna_journal_record *record)
{
    const size_t from = offsetof(struct luna_journal_record, account_id);
    const unsigned char *bytes = (const unsigned char *)record;
    uint32_t hash = 2166136261u;
    for (size_t i = from; i < sizeof *record; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

void luna_journal_record_seal(struct luna_journal_record *record)
{
    record->magic = LUNA_JOURNAL_MAGIC;
    record->check = check_of(record);
}

bool luna_journal_record_is_sound(const struct luna_journal_record *record)
{
    return record->magic == LUNA_JOURNAL_MAGIC && record->check == check_of(record);
}

enum luna_code luna_journal_dir_open(const char *path, int *ret_fd, struct luna_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return luna_error_set(err, LUNA_EIO, "journal: cannot make %s: %s", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: cannot open %s: %s", path, strerror(errno));
    *ret_fd = fd;
    return LUNA_OK;
}

static int try_lock(int fd, int byte, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &range);
}

enum luna_code luna_journal_lock(int fd, int byte, bool exclusive, struct luna_deadline deadline,
                                 struct luna_error *err)
{
    const struct timespec step = {.tv_nsec = 500000};
    while (try_lock(fd, byte, exclusive ? F_WRLCK : F_RDLCK) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return luna_error_set(err, LUNA_EIO, "journal: lock: %s", strerror(errno));
        if (luna_deadline_passed(deadline))
            return luna_error_set(err, LUNA_ETIMEOUT, "journal: another process holds a lock for too long");
        nanosleep(&step, NULL);
    }
    return LUNA_OK;
}

void luna_journal_unlock(int fd, int byte)
{
    (void)try_lock(fd, byte, F_UNLCK); /* cannot fail on an open descriptor */
}

bool luna_journal_segment_parse(const char *name, int *ret_slot, int64_t *ret_number)
{
    char *end = NULL;
    if (strncmp(name, "j-", 2) != 0 || name[2] < '0' || name[2] > '9')
        return false;
    long slot = strtol(name + 2, &end, 10);
    if (*end != '-' || end[1] < '0' || end[1] > '9' || slot >= LUNA_WORKERS_MAX)
        return false;
    long long number = strtoll(end + 1, &end, 10);
    if (*end != '\0' || number == LLONG_MAX)
        return false;
    *ret_slot = (int)slot;
    *ret_number = number;
    return true;
}
