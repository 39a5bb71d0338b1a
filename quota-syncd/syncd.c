#include "syncd.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "luna/base/random.h"
#include "luna/base/reload.h"
#include "luna/http/listener.h"
#include "luna/sandbox/sandbox.h"
#include "pages.h"
#include "round.h"
#include "sandbox.h"
#include "schedule.h"
#include "service_manager.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_UNAVAILABLE = 69, POLL_SLOTS = 3, RESTART_BYTES = 256 };

struct syncd {
    struct syncd_config *config;
    struct syncd_state state;
    struct schedule schedule;
    struct round *round;
    struct luna_http_listener *listener;
    int signal_fd;
    bool reload_requested;
    int64_t watchdog_ms; /* 0: none */
    int64_t alive_due_ms;
    struct luna_deadline stop_deadline; /* valid once state.stopping */
    char logged[LUNA_ERROR_MSG_BYTES];  /* the last trouble that was logged */
};

static int64_t now_ms(void)
{
    return luna_clock_mono_ns() / 1000000;
}

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
}

void syncd_block_signals(void)
{
    sigset_t set;
    signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is an error of write(2) */
}

/* Logs a change of state or of the cause of a failure, once; a log line per failed attempt would
 * hide the first one. */
static void report_change(struct syncd *syncd, enum round_outcome before, bool first)
{
    const struct syncd_state *state = &syncd->state;
    const char *trouble = syncd_in_trouble(state) ? state->trouble.msg : "";
    if (state->last == before && !first && strcmp(trouble, syncd->logged) == 0)
        return;
    (void)snprintf(syncd->logged, sizeof syncd->logged, "%s", trouble);
    if (state->last == ROUND_REFUSED)
        luna_log(LUNA_LOG_ERROR, "redis_refused", LUNA_LOG_S("reason", state->trouble.msg));
    else if (state->last == ROUND_FAILED)
        luna_log(LUNA_LOG_WARNING, "round_failed", LUNA_LOG_S("reason", state->trouble.msg));
    else if (!state->stopping)
        luna_log(LUNA_LOG_INFO, "state", LUNA_LOG_S("now", syncd_state_word(state)));
    service_notify_status(syncd_in_trouble(state) ? state->trouble.msg : syncd_state_word(state));
}

static void run_round(struct syncd *syncd)
{
    struct syncd_state *state = &syncd->state;
    enum round_outcome before = state->last;
    int64_t began_ms = now_ms();
    state->last = round_run(syncd->round, &state->trouble);
    int64_t ended_ms = now_ms();
    schedule_ended(&syncd->schedule, state->last, began_ms, ended_ms, syncd->config->interval_ms);
    bool first = state->last == ROUND_DONE && !state->ever_done;
    if (state->last == ROUND_DONE) {
        state->ever_done = true;
        state->last_done_ms = ended_ms;
    }
    state->metrics.leading = state->last == ROUND_DONE || state->last == ROUND_STOPPED;
    if (syncd_in_trouble(state))
        state->metrics.round_failures_total++;
    report_change(syncd, before, first);
}

static enum luna_code take_settings(struct syncd *syncd, char *ret_restart, size_t size,
                                    struct luna_error *err)
{
    struct syncd_config fresh = {0};
    enum luna_code code = syncd_config_reload(syncd->config, &fresh, ret_restart, size, err);
    if (code != LUNA_OK)
        return code;
    code = round_reload(syncd->round, &fresh, err);
    if (code != LUNA_OK) {
        syncd_config_done(&fresh);
        return code;
    }
    syncd_config_done(syncd->config);
    *syncd->config = fresh;
    return LUNA_OK;
}

static void report(const struct syncd *syncd, struct luna_reload_outcome outcome)
{
    struct luna_error err;
    outcome.signal = SIGHUP;
    if (luna_reload_report(syncd->config->state_dir, SYNCD_RELOAD_NAME, &outcome, &err) != LUNA_OK)
        luna_log(LUNA_LOG_WARNING, "outcome_not_reported", LUNA_LOG_S("reason", err.msg));
}

static void report_reloaded(const struct syncd *syncd, int64_t began_ns, const char *restart)
{
    char note[LUNA_RELOAD_NOTE_BYTES] = "";
    if (restart[0] != '\0') {
        (void)snprintf(note, sizeof note, "a restart is needed for %s", restart);
        luna_log(LUNA_LOG_WARNING, "restart_needed", LUNA_LOG_S("settings", restart));
    }
    luna_log(LUNA_LOG_INFO, "reloaded", LUNA_LOG_I("interval_ms", syncd->config->interval_ms));
    report(syncd, (struct luna_reload_outcome){.began_ns = began_ns, .done = true, .note = note});
}

/* Between two rounds: it may replace the connections that a round uses. */
static void reload(struct syncd *syncd)
{
    struct luna_error err;
    char restart[RESTART_BYTES];
    int64_t began_ns = luna_clock_mono_ns();
    syncd->reload_requested = false;
    service_notify_reloading();
    if (take_settings(syncd, restart, sizeof restart, &err) == LUNA_OK) {
        luna_log_configure("quota-syncd", (enum luna_log_level)syncd->config->log_level,
                           (enum luna_log_format)syncd->config->log_format);
        report_reloaded(syncd, began_ns, restart);
        schedule_now(&syncd->schedule, now_ms());
    } else {
        luna_log(LUNA_LOG_ERROR, "reload_refused", LUNA_LOG_S("reason", err.msg));
        report(syncd, (struct luna_reload_outcome){.began_ns = began_ns, .note = err.msg});
    }
    service_notify_ready();
}

static void reopen_log(const struct syncd_config *config)
{
    struct luna_error err;
    if (config->log_file == NULL)
        return;
    if (luna_log_open(config->log_file, &err) == LUNA_OK)
        luna_log(LUNA_LOG_INFO, "log_reopened", LUNA_LOG_S("file", config->log_file));
    else /* written to the old file */
        luna_log(LUNA_LOG_ERROR, "log_not_reopened", LUNA_LOG_S("reason", err.msg));
}

static void stop(struct syncd *syncd)
{
    if (syncd->state.stopping)
        return;
    syncd->state.stopping = true;
    syncd->stop_deadline = luna_deadline_in_ms(syncd->config->stop_timeout_ms);
}

static void take_signals(struct syncd *syncd)
{
    struct signalfd_siginfo info;
    while (read(syncd->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            syncd->reload_requested = true;
        else if (info.ssi_signo == SIGUSR1)
            reopen_log(syncd->config);
        else
            stop(syncd);
    }
}

static void stay_alive(struct syncd *syncd)
{
    if (syncd->watchdog_ms > 0 && now_ms() >= syncd->alive_due_ms) {
        service_notify_alive();
        syncd->alive_due_ms = now_ms() + syncd->watchdog_ms;
    }
}

static int wait_ms(const struct syncd *syncd)
{
    int ms = schedule_wait_ms(&syncd->schedule, now_ms());
    if (syncd->watchdog_ms > 0 && ms > syncd->watchdog_ms)
        ms = (int)syncd->watchdog_ms;
    return ms;
}

static void wait_and_serve(struct syncd *syncd, int timeout_ms)
{
    struct pollfd fds[POLL_SLOTS] = {
        {.fd = syncd->signal_fd, .events = POLLIN},
        {.fd = syncd->listener ? luna_http_listener_fd(syncd->listener) : -1, .events = POLLIN},
        {.fd = round_hint_fd(syncd->round), .events = POLLIN},
    };
    if (poll(fds, POLL_SLOTS, timeout_ms) < 0)
        return;
    if (fds[0].revents)
        take_signals(syncd);
    if (fds[1].revents)
        luna_http_listener_serve(syncd->listener);
    /* During a round the session is busy; notifications wait until it ends. */
    if (fds[2].revents && timeout_ms > 0 && round_take_hints(syncd->round))
        schedule_hint(&syncd->schedule, now_ms());
    stay_alive(syncd);
    luna_log_tick();
}

/* A round_pause: between two batches of a long round. */
static bool serve_during_round(void *context)
{
    struct syncd *syncd = context;
    wait_and_serve(syncd, 0);
    if (syncd->state.stopping)
        return !luna_deadline_passed(syncd->stop_deadline);
    return !syncd->reload_requested; /* the round after the reload books the rest */
}

/* Books the dirty accounts within the stop timeout; the next start books the rest. */
static void book_at_stop(struct syncd *syncd)
{
    service_notify_stopping();
    luna_log(LUNA_LOG_INFO, "stopping", LUNA_LOG_I("timeout_ms", syncd->config->stop_timeout_ms));
    run_round(syncd);
    if (syncd_in_trouble(&syncd->state) || syncd->state.last == ROUND_STOPPED)
        luna_log(LUNA_LOG_WARNING, "stopped_early",
                 LUNA_LOG_S("left", "charges that the next start will book"));
}

static enum luna_code open_daemon(struct syncd *syncd, struct luna_error *err)
{
    luna_log_count_dropped(&syncd->state.log_lines_dropped);
    enum luna_code code = round_new(syncd->config, &syncd->state.metrics, serve_during_round, syncd,
                                    &syncd->round, err);
    if (code != LUNA_OK)
        return code;
    if (syncd->config->metrics_listen) {
        code = luna_http_listener_open(syncd->config->metrics_listen, pages_answer, &syncd->state,
                                       &syncd->listener, err);
        if (code != LUNA_OK) {
            luna_error_wrap(err, "LUNA_METRICS_LISTEN");
            return code;
        }
    }
    sigset_t set;
    signal_set(&set);
    syncd->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (syncd->signal_fd < 0)
        return luna_error_set(err, LUNA_EIO, "signalfd: %s", strerrordesc_np(errno));
    const char *unlimited =
        luna_sandbox_files_unlimited((enum luna_sandbox_mode)syncd->config->sandbox);
    if (unlimited != NULL)
        luna_log(LUNA_LOG_WARNING, "files_not_limited", LUNA_LOG_S("setting", "LUNA_SANDBOX"),
                 LUNA_LOG_S("reason", unlimited));
    code = syncd_sandbox_enter(syncd->config, err);
    if (code != LUNA_OK)
        return code;
    syncd->watchdog_ms = service_watchdog_interval_ms();
    schedule_init(&syncd->schedule, now_ms(), (uint64_t)luna_random_between(0, INT64_MAX));
    syncd->state.last = ROUND_DONE;
    syncd->state.last_done_ms = now_ms();
    return LUNA_OK;
}

static void close_daemon(struct syncd *syncd)
{
    luna_log_count_dropped(NULL);
    luna_http_listener_close(syncd->listener);
    round_free(syncd->round);
    if (syncd->signal_fd >= 0)
        close(syncd->signal_fd);
}

static void announce(const struct syncd *syncd)
{
    luna_log(
        LUNA_LOG_INFO, "started", LUNA_LOG_S("version", LUNA_VERSION), LUNA_LOG_I("pid", getpid()),
        LUNA_LOG_I("interval_ms", syncd->config->interval_ms),
        LUNA_LOG_I("metrics_port", syncd->listener ? luna_http_listener_port(syncd->listener) : 0));
    service_notify_ready();
}

int syncd_run(struct syncd_config *config)
{
    struct syncd syncd = {.config = config, .signal_fd = -1};
    struct luna_error err;
    enum luna_code code = open_daemon(&syncd, &err);
    if (code != LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "cannot_start", LUNA_LOG_S("reason", err.msg));
        close_daemon(&syncd);
        if (code == LUNA_ECONFLICT)
            return LUNA_EXIT_TEMPFAIL;
        return code == LUNA_EINVAL || code == LUNA_ECONFIG ? LUNA_EXIT_CONFIG : 1;
    }
    announce(&syncd);
    /* An unsafe Redis at the start ends the daemon; later, the daemon waits until it is fixed. */
    bool refused = false;
    while (!syncd.state.stopping && !refused) {
        wait_and_serve(&syncd, wait_ms(&syncd));
        if (schedule_wait_ms(&syncd.schedule, now_ms()) == 0)
            run_round(&syncd);
        if (syncd.reload_requested && !syncd.state.stopping)
            reload(&syncd);
        refused = syncd.state.last == ROUND_REFUSED && !syncd.state.ever_done;
    }
    if (!refused)
        book_at_stop(&syncd);
    close_daemon(&syncd);
    luna_log_flush();
    luna_log(LUNA_LOG_INFO, "stopped", LUNA_LOG_B("refused", refused));
    return refused ? LUNA_EXIT_CONFIG : 0;
}

int syncd_run_once(const struct syncd_config *config)
{
    struct syncd_metrics metrics = {0};
    struct round *round = NULL;
    struct luna_error err;
    enum luna_code code = round_new(config, &metrics, NULL, NULL, &round, &err);
    if (code == LUNA_OK)
        code = syncd_sandbox_enter(config, &err);
    enum round_outcome outcome = code == LUNA_OK ? round_run(round, &err) : ROUND_REFUSED;
    round_free(round);
    if (outcome == ROUND_FAILED || outcome == ROUND_REFUSED) {
        luna_log(LUNA_LOG_ERROR, "not_booked", LUNA_LOG_S("reason", err.msg));
        return outcome == ROUND_FAILED ? EXIT_UNAVAILABLE : LUNA_EXIT_CONFIG;
    }
    luna_log(LUNA_LOG_INFO, outcome == ROUND_DONE ? "booked" : "standby",
             LUNA_LOG_I("accounts", metrics.accounts_booked_total),
             LUNA_LOG_I("units", metrics.units_booked_total));
    return 0;
}
