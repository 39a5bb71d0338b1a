#include "worker/sandbox.h"

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
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By purpose. A new libc or libpq may need one more: run with LUNA_SANDBOX=log and look for it in
 * the kernel's audit log. */
static const int allowed[] = {
    /* the loop and the web server's connection */
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_create1),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(accept4), SCMP_SYS(shutdown), SCMP_SYS(close),
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(fcntl),
    SCMP_SYS(ioctl), SCMP_SYS(select), SCMP_SYS(pselect6),
    /* connecting again, names looked up */
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(sendmmsg), SCMP_SYS(openat), SCMP_SYS(open),
    SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx),
    SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(lseek), SCMP_SYS(pread64),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(uname), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd), SCMP_SYS(statfs), SCMP_SYS(fstatfs),
    /* the charge journal */
    SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(flock), SCMP_SYS(fallocate), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
    SCMP_SYS(fchmod), SCMP_SYS(msync),
    /* the log file, reopened */
    SCMP_SYS(dup2), SCMP_SYS(dup3),
    /* memory */
    SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
    SCMP_SYS(brk), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(futex), SCMP_SYS(membarrier),
    SCMP_SYS(rseq),
    /* time, randomness, identity */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom), SCMP_SYS(getpid),
    SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(sysinfo), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit),
    SCMP_SYS(getrusage), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getpgrp),
    /* exit and signals */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigpending),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(tgkill)};

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

static uint32_t action_of(enum sandbox_mode mode)
{
    switch (mode) {
    case SANDBOX_KILL:
        return SCMP_ACT_KILL_PROCESS;
    case SANDBOX_LOG:
        return SCMP_ACT_LOG;
    case SANDBOX_OFF:
    case SANDBOX_ERRNO:
        break;
    }
    return SCMP_ACT_ERRNO(EPERM);
}

static int add_call_rules(scmp_filter_ctx filter)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof families / sizeof families[0] && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    return failed;
}

static enum luna_code limit_calls(enum sandbox_mode mode, struct luna_error *err)
{
    scmp_filter_ctx filter = seccomp_init(action_of(mode));
    if (filter == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "seccomp: no memory for the filter");
    int failed = add_call_rules(filter);
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

/* For name lookup, libraries that are loaded late, and certificates. */
static const char *const readable[] = {"/etc",       "/usr/lib", "/lib", "/lib64",
                                       "/usr/share", "/run",     "/dev", "/proc/self"};

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

static int add_file_rules(int ruleset, const struct worker_config *config)
{
    int failed = allow(ruleset, config->state_dir, reading | writing);
    if (failed == 0)
        failed = allow_log(ruleset, config->log_file);
    for (size_t i = 0; i < sizeof readable / sizeof readable[0] && failed == 0; i++)
        failed = allow(ruleset, readable[i], reading);
    return failed;
}

static enum luna_code limit_files(const struct worker_config *config, struct luna_error *err)
{
    const struct landlock_ruleset_attr attr = {.handled_access_fs = handled};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) {
        if (errno == ENOSYS || errno == EOPNOTSUPP)
            return LUNA_OK; /* a kernel without Landlock */
        return luna_error_set(err, LUNA_EIO, "landlock: %s", strerror(errno));
    }
    int failed = add_file_rules(ruleset, config);
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

enum luna_code sandbox_enter(const struct worker_config *config, struct luna_error *err)
{
    enum sandbox_mode mode = (enum sandbox_mode)config->sandbox;
    if (mode == SANDBOX_OFF)
        return LUNA_OK;
    enum luna_code code = mode == SANDBOX_LOG ? LUNA_OK : limit_files(config, err);
    return code == LUNA_OK ? limit_calls(mode, err) : code;
}
