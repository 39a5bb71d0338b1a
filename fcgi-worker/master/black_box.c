#include "master/black_box.h"

#include "api/routes.h"
#include "luna/base/clock.h"
#include "luna/base/digits.h"
#include "luna/base/log.h"
#include "shared/exit_code.h"

#include <signal.h>
#include <string.h>

enum { HEX_CHARACTERS = 2 * SCOREBOARD_HASH_BYTES, NS_PER_MS = 1000000 };

#define RELAXED memory_order_relaxed

static void log_with_request(const char *event, int slot, pid_t pid, const char *reason, int signal,
                             const struct breadcrumb *crumb)
{
    char hash[HEX_CHARACTERS + 1];
    luna_hex_encode(crumb->body_hash, SCOREBOARD_HASH_BYTES, hash);
    luna_log(LUNA_LOG_ERROR, event, LUNA_LOG_I("slot", slot), LUNA_LOG_I("worker_pid", pid),
             LUNA_LOG_S("reason", reason), LUNA_LOG_I("signal", signal),
             LUNA_LOG_S("request_id", crumb->request_id),
             LUNA_LOG_I("account_id", crumb->account_id),
             LUNA_LOG_S("route", route_name(crumb->route)),
             LUNA_LOG_S("phase", phase_name(crumb->phase)),
             LUNA_LOG_I("body_bytes", crumb->body_bytes), LUNA_LOG_S("body_hash", hash),
             LUNA_LOG_I("busy_ms", (luna_clock_mono_ns() - crumb->accepted_ns) / NS_PER_MS));
}

void black_box_hang(const struct scoreboard *board, int slot, pid_t pid, const char *reason)
{
    struct breadcrumb crumb;
    if (scoreboard_read(&board->worker[slot], &crumb))
        log_with_request("worker_hangs", slot, pid, reason, SIGKILL, &crumb);
    else
        luna_log(LUNA_LOG_ERROR, "worker_hangs", LUNA_LOG_I("slot", slot),
                 LUNA_LOG_I("worker_pid", pid), LUNA_LOG_S("reason", reason));
}

static bool is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
           signal == SIGABRT || signal == SIGSYS || signal == SIGTRAP;
}

/* Is the body to blame? A fault while it was in hand, or a hang while it was being computed. */
static bool body_is_to_blame(const struct burial *burial, const struct breadcrumb *crumb)
{
    static const unsigned char none[SCOREBOARD_HASH_BYTES];
    bool computing =
        crumb->phase == PHASE_DECODE || crumb->phase == PHASE_MODEL || crumb->phase == PHASE_ENCODE;
    bool hung = burial->kill_reason != NULL && strcmp(burial->kill_reason, "hard limit") == 0;
    return burial->quarantine && memcmp(crumb->body_hash, none, sizeof none) != 0 &&
           (is_fault(burial->signal) || (hung && computing));
}

static void blame(struct scoreboard *board, const struct breadcrumb *crumb)
{
    unsigned kills = scoreboard_add_kill(board, crumb->body_hash, luna_clock_wall_ms());
    if (kills < SCOREBOARD_KILLS_TO_QUARANTINE)
        return;
    char hash[HEX_CHARACTERS + 1];
    luna_hex_encode(crumb->body_hash, SCOREBOARD_HASH_BYTES, hash);
    luna_log(LUNA_LOG_ERROR, "body_quarantined", LUNA_LOG_S("body_hash", hash),
             LUNA_LOG_I("kills", kills), LUNA_LOG_S("request_id", crumb->request_id),
             LUNA_LOG_I("account_id", crumb->account_id));
}

static bool bury_crash(struct scoreboard *board, const struct burial *burial)
{
    struct breadcrumb crumb;
    const char *reason =
        burial->kill_reason != NULL ? burial->kill_reason : strsignal(burial->signal);
    scoreboard_count(burial->kill_reason != NULL ? &board->pool.hard_kills : &board->pool.crashes);
    if (!scoreboard_read(&board->worker[burial->slot], &crumb)) {
        luna_log(LUNA_LOG_ERROR, "worker_killed", LUNA_LOG_I("slot", burial->slot),
                 LUNA_LOG_I("worker_pid", burial->pid), LUNA_LOG_S("reason", reason),
                 LUNA_LOG_I("signal", burial->signal));
        return false;
    }
    log_with_request("worker_killed", burial->slot, burial->pid, reason, burial->signal, &crumb);
    if (body_is_to_blame(burial, &crumb))
        blame(board, &crumb);
    return false;
}

bool black_box_burial(struct scoreboard *board, const struct burial *burial)
{
    if (burial->signal != 0)
        return bury_crash(board, burial);
    bool expected =
        burial->exit_status == WORKER_EXIT_CLEAN || burial->exit_status == WORKER_EXIT_RECYCLE;
    if (burial->exit_status == WORKER_EXIT_RECYCLE)
        scoreboard_count(&board->pool.recycles);
    luna_log(expected ? LUNA_LOG_INFO : LUNA_LOG_ERROR, "worker_ended",
             LUNA_LOG_I("slot", burial->slot), LUNA_LOG_I("worker_pid", burial->pid),
             LUNA_LOG_I("exit_status", burial->exit_status),
             LUNA_LOG_S("reason", worker_exit_text(burial->exit_status)));
    return expected;
}
