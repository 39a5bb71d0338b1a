#include "master/upgrade.h"

#include "luna/base/log.h"
#include "shared/exit_code.h"
#include "shared/signals.h"

#include <assert.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, EXIT_NOT_EXECUTED = 127 /* as a shell has it */ };

void upgrade_init(struct upgrade *upgrade, const struct master_io *io, struct scoreboard *board,
                  const struct worker_config *config)
{
    *upgrade = (struct upgrade){
        .io = io, .board = board, .config = config, .tester = CHILD_NONE, .previous_fd = -1};
    io->binary_path(upgrade->path, sizeof upgrade->path);
}

void upgrade_report_failure(const struct upgrade *upgrade, const char *reason)
{
    struct luna_reload_outcome outcome = {
        .signal = SIGUSR2, .began_ns = upgrade->io->now_ns(), .note = reason};
    upgrade->io->report(upgrade->config, &outcome);
}

static void refuse(struct upgrade *upgrade, const char *reason)
{
    scoreboard_count(&upgrade->board->pool.upgrade_rollbacks);
    luna_log(LUNA_LOG_ERROR, "upgrade_rolled_back", LUNA_LOG_S("reason", reason),
             LUNA_LOG_S("binary", upgrade->path));
    upgrade_report_failure(upgrade, reason);
}

static int run_test(void *context, int leash_fd)
{
    struct upgrade *upgrade = context;
    char option[] = "--self-test";
    char *const argv[] = {upgrade->path, option, NULL};
    (void)leash_fd;
    signals_unblock_all();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* its answer is for this master alone */
    (void)execv(upgrade->path, argv);
    _exit(EXIT_NOT_EXECUTED); /* no such file, or not a program */
}

void upgrade_begin(struct upgrade *upgrade, int64_t timeout_ms)
{
    struct luna_error err = {0};
    assert(!upgrade_is_testing(upgrade));
    if (child_start(&upgrade->tester, upgrade->io, CHILD_SELF_TEST, run_test, upgrade, &err) !=
        LUNA_OK) {
        refuse(upgrade, err.msg);
        return;
    }
    upgrade->timed_out = false;
    upgrade->due_ns = upgrade->io->now_ns() + timeout_ms * NS_PER_MS;
    luna_log(LUNA_LOG_INFO, "upgrade_started", LUNA_LOG_S("binary", upgrade->path),
             LUNA_LOG_I("self_test_pid", upgrade->tester.pid));
}

bool upgrade_is_testing(const struct upgrade *upgrade)
{
    return upgrade->tester.pid != 0;
}

void upgrade_step(struct upgrade *upgrade)
{
    if (!upgrade_is_testing(upgrade) || upgrade->io->now_ns() < upgrade->due_ns)
        return;
    upgrade->timed_out = true;
    upgrade->due_ns = INT64_MAX;
    child_kill(&upgrade->tester, upgrade->io);
}

/* NULL: the binary on disk may be executed. */
static const char *why_not(const struct upgrade *upgrade, struct child_end end, bool interrupted)
{
    if (upgrade->timed_out)
        return "the self-test took too long";
    if (end.exit_status == EXIT_NOT_EXECUTED)
        return "the file cannot be executed";
    if (end.exit_status < 0)
        return "the self-test crashed";
    if (end.exit_status != WORKER_EXIT_CLEAN)
        return worker_exit_text(end.exit_status);
    return interrupted ? "a reload or a stop came between" : NULL;
}

bool upgrade_end_test(struct upgrade *upgrade, bool interrupted)
{
    assert(upgrade_is_testing(upgrade));
    struct child_end end = child_reap(&upgrade->tester, upgrade->io);
    const char *reason = why_not(upgrade, end, interrupted);
    if (reason != NULL)
        refuse(upgrade, reason);
    return reason == NULL;
}

void upgrade_execute(struct upgrade *upgrade, struct handover *handover)
{
    struct luna_error err = {0};
    assert(!upgrade_is_testing(upgrade)); /* the handover does not name the tester */
    luna_log(LUNA_LOG_INFO, "upgrade_executes", LUNA_LOG_S("binary", upgrade->path));
    handover->on_trial = true;
    handover->previous_fd = upgrade->io->open_binary();
    if (handover->previous_fd < 0) {
        refuse(upgrade, "the present binary cannot be opened, so it could not be restored");
        return;
    }
    if (handover_exec(handover, upgrade->io, upgrade->path, -1, &err) != LUNA_OK)
        refuse(upgrade, err.msg);
    upgrade->io->close(handover->previous_fd);
}

void upgrade_confirm(struct upgrade *upgrade)
{
    if (upgrade->previous_fd >= 0)
        upgrade->io->close(upgrade->previous_fd);
    upgrade->previous_fd = -1;
}

void upgrade_go_back(struct upgrade *upgrade, struct handover *handover)
{
    struct luna_error err = {0};
    assert(!upgrade_is_testing(upgrade)); /* as above */
    scoreboard_count(&upgrade->board->pool.upgrade_rollbacks);
    handover->on_trial = false;
    handover->previous_fd = -1;
    if (upgrade->previous_fd < 0)
        luna_error_set(&err, LUNA_EIO, "the previous binary is not open any more");
    else if (handover_exec(handover, upgrade->io, upgrade->path, upgrade->previous_fd, &err) ==
             LUNA_OK)
        return; /* not reached: it was executed */
    luna_log(LUNA_LOG_ERROR, "upgrade_stuck", LUNA_LOG_S("reason", err.msg),
             LUNA_LOG_S("effect", "the old workers continue under the new master"));
}
