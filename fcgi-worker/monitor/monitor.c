#include "monitor/monitor.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "luna/http/listener.h"
#include "luna/sandbox/calls.h"
#include "luna/sandbox/sandbox.h"
#include "monitor/metrics.h"
#include "monitor/readiness.h"
#include "monitor/status.h"
#include "shared/exit_code.h"
#include "shared/log_file.h"
#include "shared/signals.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

struct monitor {
    const struct monitor_options *options;
    struct recent recent;
    struct busiest busiest;
};

static struct luna_buf *begin(struct luna_http_reply *reply, int status, const char *content_type)
{
    reply->status = status;
    reply->content_type = content_type;
    return reply->body;
}

static const char json[] = "application/json";

static void answer_live(const struct scoreboard *board, int64_t now_ns,
                        struct luna_http_reply *reply)
{
    if (readiness_is_alive(board, now_ns))
        luna_buf_puts(begin(reply, 200, json), "{\"status\":\"alive\"}\n");
    else
        luna_buf_puts(begin(reply, 503, json),
                      "{\"status\":\"not alive\",\"reason\":\"the master has not moved for too "
                      "long\"}\n");
}

static void answer_ready(const struct scoreboard *board, int64_t now_ns,
                         struct luna_http_reply *reply)
{
    enum readiness readiness = readiness_of(board, now_ns);
    bool ready = readiness == READINESS_OK;
    luna_buf_printf(begin(reply, ready ? 200 : 503, json),
                    "{\"status\":\"%s\",\"reason\":\"%s\"}\n", ready ? "ready" : "not ready",
                    readiness_text(readiness));
}

/* A path that is not one of these keeps the listener's 404. */
static void answer(void *context, const char *path, struct luna_http_reply *reply)
{
    const struct monitor *monitor = context;
    const struct monitor_options *options = monitor->options;
    int64_t now_ns = luna_clock_mono_ns();
    if (strcmp(path, "/livez") == 0) {
        answer_live(options->board, now_ns, reply);
    } else if (strcmp(path, "/readyz") == 0) {
        answer_ready(options->board, now_ns, reply);
    } else if (strcmp(path, "/metrics") == 0) {
        metrics_put(options->board, options->names, now_ns,
                    begin(reply, 200, "text/plain; version=0.0.4; charset=utf-8"));
    } else if (strcmp(path, "/status") == 0) {
        status_put(options->board, options->names, &monitor->recent, &monitor->busiest, now_ns,
                   begin(reply, 200, json));
    }
}

enum luna_code monitor_check_address(const char *address, struct luna_error *err)
{
    struct luna_http_listener *listener = NULL;
    enum luna_code code = luna_http_listener_open(address, answer, NULL, &listener, err);
    luna_http_listener_close(listener);
    if (code != LUNA_EINVAL)
        return LUNA_OK;
    luna_error_wrap(err, "LUNA_MONITOR_LISTEN");
    err->code = LUNA_ECONFIG;
    return LUNA_ECONFIG;
}

/* It reads no file but those of its own process, for /metrics; it opens no connection, and writes
 * its log only. */
static enum luna_code enter_sandbox(const struct worker_config *config, struct luna_error *err)
{
    static const char *const calls[] = {LUNA_CALLS_PROCESS, LUNA_CALLS_LOG, LUNA_CALLS_LISTENER,
                                        "getdents64", NULL};
    static const char *const own[] = {"/proc/self", NULL};
    const struct luna_sandbox sandbox = {
        .calls = calls, .readable = own, .log_file = config->log_file};
    enum luna_sandbox_mode mode = (enum luna_sandbox_mode)config->sandbox;
    const char *unlimited = luna_sandbox_files_unlimited(mode);
    if (unlimited != NULL) /* once, for the workers too */
        luna_log(LUNA_LOG_WARNING, "files_not_limited", LUNA_LOG_S("setting", "LUNA_SANDBOX"),
                 LUNA_LOG_S("reason", unlimited));
    return luna_sandbox_enter(&sandbox, mode, err);
}

int monitor_main(const struct monitor_options *options)
{
    struct monitor monitor = {.options = options};
    struct luna_http_listener *listener = NULL;
    struct luna_error err = {0};
    signals_block_all();
    enum luna_code code =
        luna_http_listener_open(options->config->monitor_listen, answer, &monitor, &listener, &err);
    if (code != LUNA_OK) {
        scoreboard_reason_set(options->board, SCOREBOARD_SLOTS, err.msg);
        luna_log(LUNA_LOG_ERROR, "monitor_cannot_start",
                 LUNA_LOG_S("setting", "LUNA_MONITOR_LISTEN"), LUNA_LOG_S("reason", err.msg));
        return code == LUNA_ECONFLICT ? WORKER_EXIT_TEMPFAIL : WORKER_EXIT_CONFIG;
    }
    if (enter_sandbox(options->config, &err) != LUNA_OK) {
        luna_log(LUNA_LOG_ERROR, "monitor_cannot_start", LUNA_LOG_S("setting", "LUNA_SANDBOX"),
                 LUNA_LOG_S("reason", err.msg));
        luna_http_listener_close(listener);
        return WORKER_EXIT_SANDBOX;
    }
    luna_log(LUNA_LOG_INFO, "monitor_started",
             LUNA_LOG_I("port", luna_http_listener_port(listener)));
    struct pollfd watched[] = {{.fd = luna_http_listener_fd(listener), .events = POLLIN},
                               {.fd = options->leash_fd, .events = POLLIN}};
    while (watched[1].revents == 0) {
        if (poll(watched, 2, BUSIEST_SAMPLE_MS) > 0 && watched[0].revents != 0)
            luna_http_listener_serve(listener);
        int64_t now_ns = luna_clock_mono_ns();
        recent_note(&monitor.recent, options->board, now_ns);
        busiest_note(&monitor.busiest, options->board, now_ns);
        log_file_follow(options->board);
        luna_log_tick();
    }
    luna_http_listener_close(listener);
    return WORKER_EXIT_CLEAN;
}
