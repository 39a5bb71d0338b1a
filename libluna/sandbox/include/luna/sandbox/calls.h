/*
 * calls.h: groups of system calls that programs put into their lists (sandbox.h), by purpose.
 *
 * What a run of the tests makes (scripts/sandbox-calls), and beside it only what another libc or
 * processor makes in its place, what a full disk or a failed assert needs, and what looking up a
 * name or TLS to PostgreSQL adds.
 */
#ifndef LUNA_SANDBOX_CALLS_H
#define LUNA_SANDBOX_CALLS_H

/* Memory, time, randomness, the end. sysinfo: qsort() asks how much memory there is. */
#define LUNA_CALLS_PROCESS                                                                         \
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "sysinfo", "clock_gettime", \
        "gettimeofday", "nanosleep", "clock_nanosleep", "getrandom", "getpid", "gettid", "exit",   \
        "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "tgkill",                  \
        "restart_syscall"

/* Log lines, and the log file opened again after a rotation. */
#define LUNA_CALLS_LOG                                                                             \
    "write", "writev", "openat", "close", "fcntl", "fstat", "newfstatat", "statx", "dup2", "dup3", \
        "poll", "ppoll"

/* Connections to Redis and PostgreSQL: names, the user's files, certificates. */
#define LUNA_CALLS_CLIENT                                                                          \
    "connect", "bind", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto",         \
        "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "shutdown", "ioctl", "read", "pread64",      \
        "lseek", "access", "faccessat", "faccessat2", "stat", "lstat", "readlink", "readlinkat",   \
        "getuid", "geteuid", "getgid", "getegid", "uname"

/* The listener of the health and metrics pages. */
#define LUNA_CALLS_LISTENER                                                                        \
    "accept4", "epoll_wait", "epoll_pwait", "epoll_ctl", "timerfd_settime", "recvfrom", "sendto",  \
        "sendmsg", "setsockopt", "getsockopt", "shutdown", "read", "prlimit64"

#endif
