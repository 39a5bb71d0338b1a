#include "luna/sandbox/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *const luna_sandbox_words[] = {"off", "log", "errno", "kill", NULL};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static uint32_t action_of(enum luna_sandbox_mode mode)
{
    switch (mode) {
    case LUNA_SANDBOX_KILL:
        return SCMP_ACT_KILL_PROCESS;
    case LUNA_SANDBOX_LOG:
        return SCMP_ACT_LOG;
    case LUNA_SANDBOX_OFF:
    case LUNA_SANDBOX_ERRNO:
        break;
    }
    return SCMP_ACT_ERRNO(EPERM);
}

/* A name that this libseccomp does not know is of a newer kernel, and needs no rule. */
static int allow_call(scmp_filter_ctx filter, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static int add_call_rules(scmp_filter_ctx filter, const struct luna_sandbox *sandbox)
{
    int failed = 0;
    for (const char *const *call = sandbox->calls; *call != NULL && failed == 0; call++)
        failed = allow_call(filter, *call);
    size_t count = sandbox->connects ? sizeof families / sizeof families[0] : 0;
    for (size_t i = 0; i < count && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    return failed;
}

static enum luna_code limit_calls(const struct luna_sandbox *sandbox, enum luna_sandbox_mode mode,
                                  struct luna_error *err)
{
    scmp_filter_ctx filter = seccomp_init(action_of(mode));
    if (filter == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "seccomp: no memory for the filter");
    int failed = add_call_rules(filter, sandbox);
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed != 0)
        return luna_error_set(err, LUNA_EIO, "seccomp: %s; LUNA_SANDBOX=off turns the sandbox off",
                              strerror(-failed));
    return LUNA_OK;
}

static const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t writing = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR;
static const uint64_t appending = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG;
/* The access rights of the first version: a newer kernel's additions stay allowed, and an older
 * kernel has no Landlock. */
static const uint64_t handled =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

/* A directory that does not exist needs no rule. */
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

/* Its directory, because after a rotation it is another file. */
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

static int add_file_rules(int ruleset, const struct luna_sandbox *sandbox)
{
    int failed = 0;
    if (sandbox->writable != NULL)
        failed = allow(ruleset, sandbox->writable, reading | writing);
    if (failed == 0)
        failed = allow_log(ruleset, sandbox->log_file);
    for (const char *const *at = sandbox->readable; *at != NULL && failed == 0; at++)
        failed = allow(ruleset, *at, reading);
    return failed;
}

static enum luna_code limit_files(const struct luna_sandbox *sandbox, struct luna_error *err)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) {
        if (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM)
            return LUNA_OK; /* a kernel without Landlock; EPERM: luna_sandbox_files_unlimited */
        return luna_error_set(err, LUNA_EIO, "landlock: %s", strerror(errno));
    }
    int failed = add_file_rules(ruleset, sandbox);
    if (failed == 0)
        failed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (failed == 0)
        failed = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
    if (failed != 0)
        luna_error_set(err, LUNA_EIO, "landlock: %s; LUNA_SANDBOX=off turns the sandbox off",
                       strerror(errno));
    close(ruleset);
    return failed == 0 ? LUNA_OK : LUNA_EIO;
}

const char *luna_sandbox_files_unlimited(enum luna_sandbox_mode mode)
{
    if (mode != LUNA_SANDBOX_ERRNO && mode != LUNA_SANDBOX_KILL)
        return NULL;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version >= 0 || errno != EPERM)
        return NULL;
    return "a filter around this process, such as a container's, refuses Landlock: allow the calls "
           "landlock_create_ruleset, landlock_add_rule and landlock_restrict_self";
}

enum luna_code luna_sandbox_hide_memory(struct luna_error *err)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
        return LUNA_OK;
    return luna_error_set(err, LUNA_EIO, "no core: %s", strerror(errno));
}

enum luna_code luna_sandbox_enter(const struct luna_sandbox *sandbox, enum luna_sandbox_mode mode,
                                  struct luna_error *err)
{
    assert(sandbox->calls != NULL && sandbox->readable != NULL);
    if (mode == LUNA_SANDBOX_OFF)
        return LUNA_OK;
    enum luna_code code = mode == LUNA_SANDBOX_LOG ? LUNA_OK : limit_files(sandbox, err);
    return code == LUNA_OK ? limit_calls(sandbox, mode, err) : code;
}
