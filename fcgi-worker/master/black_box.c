#include "master/black_box.h"

#include "luna/base/clock.h"
#include "luna/base/digits.h"
#include "luna/base/log.h"
#include "shared/exit_code.h"
#include "shared/quarantine.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

enum { HEX_CHARACTERS = 2 * SCOREBOARD_FINGERPRINT_BYTES, NS_PER_MS = 1000000 };

#define RELAXED memory_order_relaxed

static const char *const kill_reasons[] = {
#define X(symbol, text) text,
    KILL_TABLE(X)
#undef X
};

const char *kill_reason_text(enum kill_reason reason)
{
    assert((size_t)reason < sizeof kill_reasons / sizeof kill_reasons[0]);
    return kill_reasons[reason];
}

static void log_with_request(const char *event, const struct names *names,
                             const struct worker_end *end, const char *reason,
                             const struct breadcrumb *crumb)
{
    char hash[HEX_CHARACTERS + 1];
    luna_hex_encode(crumb->fingerprint, SCOREBOARD_FINGERPRINT_BYTES, hash);
    luna_log(LUNA_LOG_ERROR, event, LUNA_LOG_I("slot", end->slot),
             LUNA_LOG_I("worker_pid", end->pid), LUNA_LOG_S("reason", reason),
             LUNA_LOG_I("signal", end->signal), LUNA_LOG_S("request_id", crumb->request_id),
             LUNA_LOG_I("account_id", crumb->account_id),
             LUNA_LOG_S("route", names_route(names, crumb->route)),
             LUNA_LOG_S("phase", phase_name(crumb->phase)),
             LUNA_LOG_I("body_bytes", crumb->body_bytes), LUNA_LOG_S("body_hash", hash),
             LUNA_LOG_I("busy_ms", (luna_clock_mono_ns() - crumb->accepted_ns) / NS_PER_MS));
}

void black_box_log_hang(const struct scoreboard *board, const struct names *names, int slot,
                        pid_t pid, enum kill_reason reason)
{
    const struct worker_end end = {.slot = slot, .pid = pid, .signal = SIGKILL};
    struct breadcrumb crumb;
    assert(slot >= 0 && slot < SCOREBOARD_SLOTS && reason != KILL_NONE);
    if (scoreboard_read(&board->worker[slot], &crumb))
        log_with_request("worker_hangs", names, &end, kill_reason_text(reason), &crumb);
    else
        luna_log(LUNA_LOG_ERROR, "worker_hangs", LUNA_LOG_I("slot", slot),
                 LUNA_LOG_I("worker_pid", pid), LUNA_LOG_S("reason", kill_reason_text(reason)));
}

static bool is_fault(int signal)
{
    return signal == SIGSEGV || signal == SIGILL || signal == SIGFPE || signal == SIGABRT ||
           signal == SIGSYS || signal == SIGTRAP;
}

/* A fault while the body was there, or a hang while it was being computed. Not SIGBUS: a full disk
 * raises it, where a page of a file in memory has no block. */
static bool body_is_to_blame(const struct worker_end *end, const struct breadcrumb *crumb)
{
    static const unsigned char no_body[SCOREBOARD_FINGERPRINT_BYTES];
    bool computing =
        crumb->phase == PHASE_DECODE || crumb->phase == PHASE_MODEL || crumb->phase == PHASE_ENCODE;
    bool hung = end->kill_reason == KILL_HARD_LIMIT;
    return end->quarantine && memcmp(crumb->fingerprint, no_body, sizeof no_body) != 0 &&
           (is_fault(end->signal) || (hung && computing));
}

static void blame(struct scoreboard *board, const struct breadcrumb *crumb)
{
    unsigned kills = quarantine_add(board, crumb->fingerprint, luna_clock_wall_ms());
    if (kills < QUARANTINE_KILLS)
        return;
    char hash[HEX_CHARACTERS + 1];
    luna_hex_encode(crumb->fingerprint, SCOREBOARD_FINGERPRINT_BYTES, hash);
    luna_log(LUNA_LOG_ERROR, "body_quarantined", LUNA_LOG_S("body_hash", hash),
             LUNA_LOG_I("kills", kills), LUNA_LOG_S("request_id", crumb->request_id),
             LUNA_LOG_I("account_id", crumb->account_id));
}

static void record_crash(struct scoreboard *board, const struct names *names,
                         const struct worker_end *end)
{
    struct breadcrumb crumb;
    bool by_master = end->kill_reason != KILL_NONE;
    const char *reason = by_master ? kill_reason_text(end->kill_reason) : strsignal(end->signal);
    scoreboard_count(by_master ? &board->pool.hard_kills : &board->pool.crashes);
    if (!scoreboard_read(&board->worker[end->slot], &crumb)) {
        luna_log(LUNA_LOG_ERROR, "worker_killed", LUNA_LOG_I("slot", end->slot),
                 LUNA_LOG_I("worker_pid", end->pid), LUNA_LOG_S("reason", reason),
                 LUNA_LOG_I("signal", end->signal));
        return;
    }
    log_with_request("worker_killed", names, end, reason, &crumb);
    if (body_is_to_blame(end, &crumb))
        blame(board, &crumb);
}

bool black_box_record_end(struct scoreboard *board, const struct names *names,
                          const struct worker_end *end)
{
    assert(end->slot >= 0 && end->slot < SCOREBOARD_SLOTS);
    if (end->signal != 0) {
        record_crash(board, names, end);
        return false;
    }
    bool planned = end->exit_status == WORKER_EXIT_CLEAN || end->exit_status == WORKER_EXIT_RECYCLE;
    if (end->exit_status == WORKER_EXIT_RECYCLE)
        scoreboard_count(&board->pool.recycles);
    luna_log(planned ? LUNA_LOG_INFO : LUNA_LOG_ERROR, "worker_ended",
             LUNA_LOG_I("slot", end->slot), LUNA_LOG_I("worker_pid", end->pid),
             LUNA_LOG_I("exit_status", end->exit_status),
             LUNA_LOG_S("reason", worker_exit_text(end->exit_status)));
    return planned;
}
