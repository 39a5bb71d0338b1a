#include "master/upgrade.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "master/handover.h"
#include "master/master.h"
#include "master/master_events.h"
#include "shared/exit_code.h"
#include "shared/signals.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, EXIT_NOT_EXECUTED = 127 /* as a shell has it */ };

void upgrade_init(struct upgrade *upgrade)
{
    static const char deleted[] =
        " (deleted)"; /* what the kernel appends once the file was replaced */
    *upgrade = (struct upgrade){.self_test = {.pid_fd = -1, .leash_fd = -1}, .previous_fd = -1};
    ssize_t len = readlink("/proc/self/exe", upgrade->path, sizeof upgrade->path - 1);
    if (len < 0)
        len = 0;
    upgrade->path[len] = '\0';
    size_t tail = sizeof deleted - 1;
    if ((size_t)len > tail && strcmp(upgrade->path + len - tail, deleted) == 0)
        upgrade->path[(size_t)len - tail] = '\0';
}

static void refuse(struct master *master, const char *reason)
{
    scoreboard_count(&master->board->pool.upgrade_rollbacks);
    luna_log(LUNA_LOG_ERROR, "upgrade_rolled_back", LUNA_LOG_S("reason", reason),
             LUNA_LOG_S("binary", master->upgrade.path));
}

void upgrade_begin(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    struct luna_error err = {0};
    pid_t pid = 0;
    int leash_fd = -1;
    if (upgrade->self_test.pid != 0 || master->reload.phase != RELOAD_NONE || master->stopping) {
        luna_log(LUNA_LOG_WARNING, "upgrade_refused",
                 LUNA_LOG_S("reason", "a reload, an upgrade or a stop is under way"));
        return;
    }
    if (child_fork(&upgrade->self_test, master->epoll_fd, MASTER_EVENT_SELFTEST, &pid, &leash_fd,
                   &err) != LUNA_OK) {
        refuse(master, err.msg);
        return;
    }
    if (pid == 0) {
        char option[] = "--self-test";
        char *const argv[] = {upgrade->path, option, NULL};
        signals_unblock_all();
        (void)execv(upgrade->path, argv);
        _exit(EXIT_NOT_EXECUTED); /* no such file, or no program */
    }
    upgrade->timed_out = false;
    upgrade->due_ns = luna_clock_mono_ns() + master->current.config.start_timeout_ms * NS_PER_MS;
    luna_log(LUNA_LOG_INFO, "upgrade_started", LUNA_LOG_S("binary", upgrade->path),
             LUNA_LOG_I("self_test_pid", pid));
}

void upgrade_step(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    if (upgrade->self_test.pid == 0 || luna_clock_mono_ns() < upgrade->due_ns)
        return;
    upgrade->timed_out = true;
    upgrade->due_ns = INT64_MAX;
    child_kill(&upgrade->self_test);
}

void upgrade_note_self_test(struct master *master)
{
    struct upgrade *upgrade = &master->upgrade;
    struct luna_error err = {0};
    int status = child_bury(&upgrade->self_test, master->epoll_fd);
    if (upgrade->timed_out) {
        refuse(master, "the self-test took too long");
    } else if (status == EXIT_NOT_EXECUTED) {
        refuse(master, "the file cannot be executed");
    } else if (status != WORKER_EXIT_CLEAN) {
        refuse(master, status < 0 ? "the self-test crashed" : worker_exit_text(status));
    } else if (master->stopping || master->reload.phase != RELOAD_NONE) {
        refuse(master, "a reload or a stop came between");
    } else {
        luna_log(LUNA_LOG_INFO, "upgrade_executes", LUNA_LOG_S("binary", upgrade->path));
        /* else this line is not reached */
        if (handover_exec(master, upgrade->path, -1, true, &err) != LUNA_OK)
            refuse(master, err.msg);
    }
}

void upgrade_done(struct master *master)
{
    if (master->upgrade.previous_fd >= 0)
        close(master->upgrade.previous_fd);
    master->upgrade.previous_fd = -1;
    child_let_go(&master->monitor); /* the old binary's; it comes back as the new one's */
}

void upgrade_go_back(struct master *master)
{
    struct luna_error err = {0};
    int previous_fd = master->upgrade.previous_fd;
    scoreboard_count(&master->board->pool.upgrade_rollbacks);
    if (previous_fd < 0)
        luna_error_set(&err, LUNA_EIO, "the previous binary is not open any more");
    /* not reached: it was executed */
    else if (handover_exec(master, master->upgrade.path, previous_fd, false, &err) == LUNA_OK)
        return;
    luna_log(LUNA_LOG_ERROR, "upgrade_stuck", LUNA_LOG_S("reason", err.msg),
             LUNA_LOG_S("effect", "the old workers go on under the new master"));
}
