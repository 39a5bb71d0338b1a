/* The part of sandbox.h that limits files. */
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR;
static const uint64_t appending = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
/* All that the first version knows: a newer kernel's additions are left alone, an older one has
 * no Landlock at all. */
static const uint64_t handled =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

/* Where names are looked up, libraries loaded late, and certificates kept. */
static const char *const readable[] = {"/etc",       "/usr/lib", "/lib", "/lib64",
                                       "/usr/share", "/run",     "/dev", "/proc/self"};

/* A directory that is not there needs no rule. */
static int allow(int ruleset, const char *path, uint64_t access)
{
    int fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int saved = errno;
    close(fd);
    errno = saved;
    return (int)failed;
}

/* The file itself is not enough: after a rotation it is another one. */
static int allow_log(int ruleset, const char *log_file)
{
    char folder[PATH_MAX];
    if (log_file == NULL || *log_file == '\0')
        return 0;
    (void)snprintf(folder, sizeof folder, "%s", log_file);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return allow(ruleset, ".", appending);
    slash[slash == folder] = '\0'; /* that of "/log" is "/" */
    return allow(ruleset, folder, appending);
}

static int add_rules(int ruleset, const struct worker_config *config)
{
    int failed = allow(ruleset, config->state_dir, reading | writing);
    if (failed == 0)
        failed = allow_log(ruleset, config->log_file);
    for (size_t i = 0; i < sizeof readable / sizeof readable[0] && failed == 0; i++)
        failed = allow(ruleset, readable[i], reading);
    return failed;
}

enum luna_code landlock_enter(const struct worker_config *config, struct luna_error *err)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) {
        if (errno == ENOSYS || errno == EOPNOTSUPP)
            return LUNA_OK; /* no Landlock here */
        return luna_error_set(err, LUNA_EIO, "landlock: %s", strerror(errno));
    }
    int failed = add_rules(ruleset, config);
    if (failed == 0)
        failed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (failed == 0)
        failed = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    if (failed != 0)
        luna_error_set(err, LUNA_EIO, "landlock: %s; LUNA_SANDBOX=off does without",
                       strerror(errno));
    close(ruleset);
    return failed == 0 ? LUNA_OK : LUNA_EIO;
}
