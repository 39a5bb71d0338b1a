#include "master/monitor_child.h"

#include "luna/base/clock.h"
#include "luna/base/config.h"
#include "luna/base/log.h"
#include "master/master.h"
#include "master/master_events.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, AGAIN_MS = 1000, STOP_MS = 1000 };

#define RELAXED memory_order_relaxed

void monitor_child_keep(struct master *master)
{
    struct luna_error err = {0};
    pid_t pid = 0;
    int leash_fd = -1;
    int64_t now_ns = luna_clock_mono_ns();
    if (master->monitor.pid != 0 || now_ns < master->monitor_due_ns)
        return;
    master->monitor_due_ns = now_ns + (int64_t)AGAIN_MS * NS_PER_MS;
    if (child_fork(&master->monitor, master->epoll_fd, MASTER_EVENT_MONITOR, &pid, &leash_fd,
                   &err) != LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "monitor_not_started", LUNA_LOG_S("reason", err.msg));
        return;
    }
    if (pid == 0) {
        (void)prctl(PR_SET_NAME, "luna-monitor"); /* what ps shows; nothing depends on it */
        master_abandon(master);
        close(master->listener.fd);
        const struct monitor_options options = {.board = master->board,
                                                .names = master->pool.roles->names,
                                                .address = master->current.config.monitor_listen,
                                                .leash_fd = leash_fd};
        exit(master->pool.roles->monitor(&options));
    }
    atomic_store_explicit(&master->board->pool.monitor_pid, pid, RELAXED);
}

int monitor_child_bury(struct master *master)
{
    int status = child_bury(&master->monitor, master->epoll_fd);
    bool first = !master->monitor_settled;
    master->monitor_settled = true;
    atomic_store_explicit(&master->board->pool.monitor_pid, 0, RELAXED);
    luna_log(status == 0 ? LUNA_LOG_INFO : LUNA_LOG_ERROR, "monitor_ended",
             LUNA_LOG_I("exit_status", status));
    return first && status == LUNA_EXIT_CONFIG ? LUNA_EXIT_CONFIG : 0;
}

void monitor_child_stop(struct master *master)
{
    if (master->monitor.pid == 0)
        return;
    struct pollfd end = {.fd = master->monitor.pid_fd, .events = POLLIN};
    child_let_go(&master->monitor);
    if (poll(&end, 1, STOP_MS) <= 0)
        child_kill(&master->monitor);
    (void)poll(&end, 1, STOP_MS);
    (void)child_bury(&master->monitor, master->epoll_fd);
}
