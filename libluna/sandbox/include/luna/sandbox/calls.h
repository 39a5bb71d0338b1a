/*
 * calls.h: groups of system calls that programs put into their lists (sandbox.h), by purpose.
 *
 * A group has what a run of the tests makes (scripts/sandbox-calls). What is needed only on other
 * hosts, or by paths that no test takes, is in a group …_RARE, with the reason for each call.
 */
#ifndef LUNA_SANDBOX_CALLS_H
#define LUNA_SANDBOX_CALLS_H

/* Memory, time, the end. */
#define LUNA_CALLS_PROCESS                                                                         \
    "brk", "mmap", "munmap", "futex", "clock_gettime", "getpid", "exit_group",                     \
        LUNA_CALLS_PROCESS_RARE
/* mremap, madvise: malloc(). mprotect: a library that is loaded late. sysinfo: qsort() asks how
 * much memory there is. gettimeofday: a clock that only the kernel can read. restart_syscall: a
 * wait goes on after SIGCONT. The others: abort(), after a failed assert or a check of the libc. */
#define LUNA_CALLS_PROCESS_RARE                                                                    \
    "mremap", "madvise", "mprotect", "sysinfo", "gettimeofday", "restart_syscall", "gettid",       \
        "tgkill", "rt_sigaction", "rt_sigprocmask", "writev"

/* Log lines, and the log file opened again after a rotation. */
#define LUNA_CALLS_LOG                                                                             \
    "write", "openat", "close", "fcntl", "newfstatat", "poll", "dup2", LUNA_CALLS_LOG_RARE
/* dup3, ppoll: arm64, which has neither dup2 nor poll. fstat: fstat() of a newer libc. */
#define LUNA_CALLS_LOG_RARE "dup3", "ppoll", "fstat"

/* Connections to Redis and PostgreSQL. */
#define LUNA_CALLS_CLIENT                                                                          \
    "connect", "getsockname", "getsockopt", "setsockopt", "sendto", "sendmsg", "recvfrom", "read", \
        "pread64", "lseek", "getuid", "geteuid", "getrandom", "clock_nanosleep",                   \
        LUNA_CALLS_CLIENT_RARE
/* The first five: the lookup of a name. The others: Kerberos, whose settings libpq reads where a
 * host has some (faccessat: on arm64, which has no access). */
#define LUNA_CALLS_CLIENT_RARE                                                                     \
    "bind", "recvmsg", "sendmmsg", "getpeername", "ioctl", "uname", "getgid", "getegid", "access", \
        "faccessat"

/* The listener of the health and metrics pages. */
#define LUNA_CALLS_LISTENER                                                                        \
    "accept4", "epoll_wait", "epoll_ctl", "timerfd_settime", "recvfrom", "sendto", "sendmsg",      \
        "setsockopt", "shutdown", "read", "prlimit64", LUNA_CALLS_LISTENER_RARE
/* arm64, which has no epoll_wait. */
#define LUNA_CALLS_LISTENER_RARE "epoll_pwait"

#endif
