#include "master/master_io.h"

#include "luna/base/clock.h"
#include "luna/base/config.h"
#include "master/daemon.h"
#include "shared/leash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

/* Tags in the epoll set: a child's id, or one of these. */
enum { TAG_SIGNAL = CHILD_SELF_TEST + 1, TAG_TIMER, TAG_NUDGE };

static const int handled_signals[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,  SIGUSR1,
                                      SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH};

/* One master is one process, so its loop is a static of this file. */
static struct {
    int epoll_fd, signal_fd, timer_fd, nudge_fd;
} loop;

static enum luna_code os_spawn(child_main *run, void *context, pid_t *ret_pid, int *ret_leash_fd,
                               struct luna_error *err)
{
    int child_end = -1;
    int master_end = -1;
    enum luna_code code = leash_new(&child_end, &master_end, err);
    if (code != LUNA_OK)
        return code;
    pid_t pid = fork();
    if (pid == 0) {
        close(master_end);
        exit(run(context, child_end)); /* not _exit(): a coverage build writes its counts here */
    }
    if (pid < 0)
        code = luna_error_set(err, LUNA_EIO, "fork: %s", strerror(errno));
    close(child_end);
    if (pid < 0)
        close(master_end);
    *ret_pid = pid;
    *ret_leash_fd = pid < 0 ? -1 : master_end;
    return code;
}

static enum luna_code os_open_pid(pid_t pid, int *ret_pid_fd, struct luna_error *err)
{
    assert(pid > 0);
    *ret_pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return *ret_pid_fd >= 0 ? LUNA_OK
                            : luna_error_set(err, LUNA_EIO, "pidfd_open: %s", strerror(errno));
}

static bool add_to_loop(int fd, int tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)tag};
    return fd >= 0 && epoll_ctl(loop.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static enum luna_code os_watch(int pid_fd, int id, struct luna_error *err)
{
    return add_to_loop(pid_fd, id)
               ? LUNA_OK
               : luna_error_set(err, LUNA_EIO, "epoll_ctl: %s", strerror(errno));
}

/* By name: closing is not enough while a child forked meanwhile still has its copy. */
static void os_unwatch(int pid_fd)
{
    (void)epoll_ctl(loop.epoll_fd, EPOLL_CTL_DEL, pid_fd, NULL);
}

static void os_kill(int pid_fd)
{
    assert(pid_fd >= 0);
    (void)syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0); /* fails when it has ended */
}

static void os_kill_unwatched(pid_t pid)
{
    assert(pid > 1); /* 0 and -1 are this process's group, and every process */
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0); /* at once: it has nothing in progress */
}

static struct child_end os_reap(int pid_fd)
{
    siginfo_t info = {0};
    assert(pid_fd >= 0);
    (void)waitid(P_PIDFD, (id_t)pid_fd, &info, WEXITED | WNOHANG);
    return info.si_code == CLD_EXITED
               ? (struct child_end){.exit_status = info.si_status}
               : (struct child_end){.exit_status = -1, .signal = info.si_status};
}

static bool os_wait_for_end(int pid_fd, int timeout_ms)
{
    assert(pid_fd >= 0 && timeout_ms >= 0); /* else poll() would not see it, or never end */
    struct pollfd end = {.fd = pid_fd, .events = POLLIN};
    return poll(&end, 1, timeout_ms) > 0;
}

static void os_close(int fd)
{
    assert(fd >= 0);
    close(fd);
}

static bool os_set_inherited(int fd, bool inherited)
{
    return fcntl(fd, F_SETFD, inherited ? 0 : FD_CLOEXEC) == 0;
}

static void os_binary_path(char *path, size_t size)
{
    /* what the kernel appends once the file was replaced */
    static const char deleted[] = " (deleted)";
    assert(size > 0);
    ssize_t len = readlink("/proc/self/exe", path, size - 1);
    if (len < 0)
        len = 0;
    path[len] = '\0';
    size_t tail = sizeof deleted - 1;
    if ((size_t)len > tail && strcmp(path + len - tail, deleted) == 0)
        path[(size_t)len - tail] = '\0';
}

static int os_open_binary(void)
{
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

static enum luna_code os_exec(const char *path, int binary_fd, const char *variable,
                              const char *value, struct luna_error *err)
{
    char *name = strdup(path);
    char *const argv[] = {name, NULL};
    if (name == NULL || setenv(variable, value, 1) != 0) {
        free(name);
        return luna_error_set(err, LUNA_ENOMEM, "handover: no memory");
    }
    /* Signals stay blocked over the exec: one that arrives now waits for the new image. */
    if (binary_fd >= 0)
        (void)fexecve(binary_fd, argv, environ);
    else
        (void)execv(path, argv);
    luna_error_set(err, LUNA_EIO, "cannot execute %s: %s", path, strerror(errno));
    (void)unsetenv(variable);
    free(name);
    return LUNA_EIO;
}

static int os_cores(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static void arm_timer(int64_t until_ns)
{
    assert(until_ns > 0); /* 0 disarms the timer: the master would look at nothing any more */
    const struct itimerspec at = {
        .it_value = {.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S}};
    /* cannot fail with these arguments */
    (void)timerfd_settime(loop.timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Only to make it unreadable again: what it says is that the wait is over. */
static void read_counter(int fd)
{
    uint64_t count = 0;
    ssize_t ignored = read(fd, &count, sizeof count);
    (void)ignored;
}

/* Signals that do not fit stay pending, and the next wait() returns at once. */
static int read_signals(struct master_event *events, int room)
{
    struct signalfd_siginfo info;
    int count = 0;
    assert(room > 0); /* else every wait() returns at once */
    while (count < room && read(loop.signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        events[count++] = (struct master_event){.signal = (int)info.ssi_signo};
    return count;
}

static int os_wait(int64_t until_ns, struct master_event *events)
{
    struct epoll_event ready[MASTER_EVENTS_MAX / 2];
    int taken = 0;
    arm_timer(until_ns);
    int count = epoll_wait(loop.epoll_fd, ready, MASTER_EVENTS_MAX / 2, -1);
    for (int i = 0; i < count; i++) {
        int tag = (int)ready[i].data.u64;
        if (tag == TAG_SIGNAL)
            taken += read_signals(events + taken, MASTER_EVENTS_MAX / 2);
        else if (tag == TAG_TIMER || tag == TAG_NUDGE)
            read_counter(tag == TAG_TIMER ? loop.timer_fd : loop.nudge_fd);
        else
            events[taken++] = (struct master_event){.child = tag};
    }
    assert(taken <= MASTER_EVENTS_MAX);
    return taken;
}

static void os_abandon(void)
{
    close(loop.epoll_fd);
    close(loop.signal_fd);
    close(loop.timer_fd);
}

static const struct master_io system_io = {.now_ns = luna_clock_mono_ns,
                                           .setting = luna_config_env,
                                           .spawn = os_spawn,
                                           .open_pid = os_open_pid,
                                           .watch = os_watch,
                                           .unwatch = os_unwatch,
                                           .kill = os_kill,
                                           .kill_unwatched = os_kill_unwatched,
                                           .reap = os_reap,
                                           .wait_for_end = os_wait_for_end,
                                           .close = os_close,
                                           .set_inherited = os_set_inherited,
                                           .binary_path = os_binary_path,
                                           .open_binary = os_open_binary,
                                           .exec = os_exec,
                                           .notify = daemon_notify,
                                           .report = daemon_report,
                                           .watchdog_ns = daemon_watchdog_ns,
                                           .backlog = listener_read_backlog,
                                           .cores = os_cores,
                                           .wait = os_wait,
                                           .abandon = os_abandon};

static void block_signals(sigset_t *ret_set)
{
    (void)sigemptyset(ret_set);
    for (size_t i = 0; i < sizeof handled_signals / sizeof handled_signals[0]; i++)
        (void)sigaddset(ret_set, handled_signals[i]);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is an error of write(2) */
    (void)sigprocmask(SIG_SETMASK, ret_set, NULL); /* cannot fail with these arguments */
}

enum luna_code master_io_open(const struct master_io **ret_io, int *ret_nudge_fd,
                              struct luna_error *err)
{
    sigset_t set;
    block_signals(&set);
    loop.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    loop.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    loop.nudge_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!add_to_loop(loop.signal_fd, TAG_SIGNAL) || !add_to_loop(loop.timer_fd, TAG_TIMER) ||
        !add_to_loop(loop.nudge_fd, TAG_NUDGE))
        return luna_error_set(err, LUNA_EIO, "the master's event loop: %s", strerror(errno));
    *ret_io = &system_io;
    *ret_nudge_fd = loop.nudge_fd;
    return LUNA_OK;
}
