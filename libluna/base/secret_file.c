#include "luna/base/secret_file.h"

#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { ROOT = 0, COMMAND_BYTES = 160 };

bool luna_secret_file_is_exposed(mode_t mode, uid_t owner, bool is_secret_mount)
{
    if ((mode & (S_IWGRP | S_IWOTH)) != 0)
        return true;
    mode_t readers = mode & (S_IRGRP | S_IROTH);
    if (owner == ROOT)
        readers &= (mode_t)~S_IRGRP;
    return readers != 0 && !is_secret_mount;
}

/* The memory file systems of a host, which all its users share. */
static bool is_shared_by_users(dev_t device)
{
    static const char *const shared[] = {"/run", "/tmp", "/dev/shm"};
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        struct stat folder;
        if (stat(shared[i], &folder) == 0 && folder.st_dev == device)
            return true;
    }
    return false;
}

static bool is_secret_mount(int fd, dev_t device)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return false;
    if ((fs.f_flags & ST_RDONLY) != 0)
        return true;
    return (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) && !is_shared_by_users(device);
}

static bool reads_by_group(gid_t group)
{
    return geteuid() == ROOT || getegid() == group || group_member(group) != 0;
}

/* Root's file stays readable for this process. */
static void write_command(const struct stat *file, const char *path, char out[COMMAND_BYTES])
{
    if (file->st_uid != ROOT)
        (void)snprintf(out, COMMAND_BYTES, "chmod 600 %s", path);
    else if (reads_by_group(file->st_gid))
        (void)snprintf(out, COMMAND_BYTES, "chmod 640 %s", path);
    else
        (void)snprintf(out, COMMAND_BYTES, "chgrp %ld %s && chmod 640 %s", (long)getegid(), path,
                       path);
}

enum luna_code luna_secret_file_check(int fd, const char *what, const char *path,
                                      struct luna_error *err)
{
    struct stat file;
    char command[COMMAND_BYTES];
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) ||
        !luna_secret_file_is_exposed(file.st_mode, file.st_uid, is_secret_mount(fd, file.st_dev)))
        return LUNA_OK;
    write_command(&file, path, command);
    return luna_error_set(err, LUNA_ECONFIG, "%s %s, which other users may %s (mode %04o): %s",
                          what, path,
                          (file.st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "write to" : "read",
                          (unsigned)file.st_mode & 07777, command);
}
