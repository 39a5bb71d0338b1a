/* fcgi-worker: startup, from the command line to the master. */
#include "api/routes.h"
#include "http/problem.h"
#include "luna/base/buf.h"
#include "luna/base/log.h"
#include "master/daemon.h"
#include "master/master.h"
#include "monitor/monitor.h"
#include "shared/exit_code.h"
#include "shared/log_file.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"
#include "worker/self_test.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 * 1024, EXIT_USAGE = 2, ORPHANS_BYTES_MAX = 4096 };

static const char usage[] =
    "Usage: fcgi-worker [--check-config | --self-test | --config-example | --help | --version]\n"
    "\n"
    "Serves Luna's API as FastCGI from a pool of worker processes behind nginx.\n"
    "\n"
    "  --check-config    check the settings and exit\n"
    "  --self-test       compute the golden vector, connect to Redis and PostgreSQL, and exit\n"
    "  --config-example  print an environment file with every setting\n"
    "\n"
    "Signals: TERM drains and stops, HUP reloads the settings, USR1 reopens LUNA_LOG_FILE, USR2\n"
    "upgrades to the binary on disk, TTIN and TTOU add and remove one worker.\n"
    "Exit status: 0 stopped, 1 failed, 2 invalid command line, 69 a store is unavailable and 70 "
    "the\n"
    "golden-vector test failed (both from --self-test), 75 another process holds the journal "
    "slots,\n"
    "the socket or an address of this pool, 78 invalid settings.\n"
    "\n"
    "Settings (environment variables)\n";

static int print(const char *head, void (*write)(struct luna_buf *out))
{
    struct luna_buf out;
    luna_buf_init(&out, TEXT_BYTES_MAX);
    luna_buf_puts(&out, head);
    write(&out);
    size_t written = fwrite(out.data, 1, out.len, stdout);
    int status = written == out.len && fflush(stdout) == 0 ? 0 : 1;
    luna_buf_done(&out);
    return status;
}

static void write_help(struct luna_buf *out)
{
    luna_config_help(worker_settings, out);
}

static void write_example(struct luna_buf *out)
{
    luna_config_example(worker_settings, "fcgi-worker", out);
}

static void write_nothing(struct luna_buf *out)
{
    (void)out;
}

static int fail(const char *event, const struct luna_error *err)
{
    luna_log(LUNA_LOG_ERROR, event, LUNA_LOG_S("reason", err->msg));
    if (err->code == LUNA_ECONFLICT)
        return LUNA_EXIT_TEMPFAIL;
    return err->code == LUNA_ECONFIG ? LUNA_EXIT_CONFIG : 1;
}

static void configure_log(const struct worker_config *config)
{
    luna_log_configure("fcgi-worker", (enum luna_log_level)config->log_level,
                       (enum luna_log_format)config->log_format);
}

_Static_assert((int)PROBLEM_COUNT <= (int)SCOREBOARD_PROBLEMS,
               "the scoreboard counts every problem");

static void fill_names(struct names *names)
{
    for (size_t i = 0; i < api_routes.count; i++)
        names->routes[i] = api_routes.routes[i].name;
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
        names->problems[i] = problem_row((enum problem_id)i)->code;
}

/* Fills in *ret_handover when an earlier image left something, and says whether it did. */
static enum luna_code receive_handover(const struct master_io *io, struct handover *ret_handover,
                                       bool *ret_received, struct luna_error *err)
{
    const char *text = luna_config_env(HANDOVER_VARIABLE);
    *ret_received = text != NULL && *text != '\0';
    if (!*ret_received)
        return LUNA_OK;
    enum luna_code code = handover_read(text, ret_handover, err);
    if (code == LUNA_OK)
        handover_claim(ret_handover, io);
    (void)unsetenv(HANDOVER_VARIABLE);
    return code;
}

/* The workers of a master that was killed: true when there are any. */
static bool report_orphans(const struct pool_lock *lock)
{
    struct luna_buf pids;
    luna_buf_init(&pids, ORPHANS_BYTES_MAX);
    for (int slot = 0; slot < lock->slot_count; slot++) {
        pid_t pid = pool_lock_orphan(lock, slot);
        if (pid != 0)
            luna_buf_printf(&pids, "%s%ld", pids.len > 0 ? "," : "", (long)pid);
    }
    bool found = pids.len > 0;
    if (found)
        luna_log(LUNA_LOG_WARNING, "orphans_found", LUNA_LOG_N("pids", pids.data, pids.len),
                 LUNA_LOG_S("effect", "they finish their requests; their journal slots are not "
                                      "used until then"));
    luna_buf_done(&pids);
    return found;
}

/* Socket and scoreboard: inherited from the image before this one (`handover`), or new (NULL). */
static enum luna_code open_shared(const struct worker_config *config,
                                  const struct handover *handover, struct master_options *options,
                                  struct luna_error *err)
{
    if (handover != NULL)
        return handover_open(handover, config->socket_path, &options->listener, &options->board,
                             &options->board_fd, err);
    bool orphans = report_orphans(&options->lock);
    enum luna_code code = listener_open(config, orphans, &options->listener, err);
    return code == LUNA_OK ? scoreboard_new(&options->board, &options->board_fd, err) : code;
}

static enum luna_code start(const struct worker_config *config, const struct handover *handover,
                            struct master_options *options, struct luna_error *err)
{
    enum luna_code code = daemon_make_state_dir(config, err);
    if (code == LUNA_OK)
        code =
            pool_lock_take(config, handover != NULL ? handover->lock_fd : -1, &options->lock, err);
    if (code == LUNA_OK)
        code = open_shared(config, handover, options, err);
    if (code == LUNA_OK)
        code = daemon_write_pid_file(config->pid_file, err);
    if (code == LUNA_OK)
        code = daemon_drop_privileges(config, err);
    return code == LUNA_OK ? log_file_open(config->log_file, options->board, err) : code;
}

static int serve(struct worker_config *config)
{
    static struct names names;
    static const struct roles roles = {
        .worker = worker_main, .monitor = monitor_main, .names = &names};
    static struct master master; /* large, and as long-lived as the process */
    static struct handover handover;
    struct luna_error err = {0};
    struct master_options options = {
        .roles = &roles, .config = config, .listener = {.fd = -1}, .lock = POOL_LOCK_NONE};
    bool received = false;
    fill_names(&names);
    if (master_io_open(&options.io, &options.nudge_fd, &err) != LUNA_OK ||
        receive_handover(options.io, &handover, &received, &err) != LUNA_OK ||
        start(config, received ? &handover : NULL, &options, &err) != LUNA_OK) {
        listener_close(&options.listener, !received);
        worker_config_done(config);
        return fail("cannot_start", &err);
    }
    configure_log(config); /* whether it is a terminal is only known now */
    master_init(&master, &options);
    if (received)
        master_adopt(&master, &handover);
    int status = master_run(&master);
    listener_close(&master.listener, true);
    daemon_remove_pid_file(master.current.config.pid_file);
    worker_config_done(&master.current.config);
    return status;
}

int main(int argc, char **argv)
{
    struct worker_config config;
    struct luna_error err = {0};
    const char *option = argc > 1 ? argv[1] : "";
    if (strcmp(option, "--help") == 0)
        return print(usage, write_help);
    if (strcmp(option, "--version") == 0)
        return print("fcgi-worker " LUNA_VERSION "\n", write_nothing);
    if (strcmp(option, "--config-example") == 0)
        return print("", write_example);
    bool check = strcmp(option, "--check-config") == 0;
    bool test = strcmp(option, "--self-test") == 0;
    if (argc > 2 || (argc == 2 && !check && !test)) {
        (void)fprintf(stderr, "fcgi-worker: unknown option %s; see fcgi-worker --help\n",
                      argv[argc - 1]);
        return EXIT_USAGE;
    }
    luna_log_unblock();
    luna_log_configure("fcgi-worker", LUNA_LOG_INFO, LUNA_LOG_TEXT);
    if (worker_config_load(luna_config_env, &config, &err) != LUNA_OK ||
        monitor_check_address(config.monitor_listen, &err) != LUNA_OK)
        return fail("configuration", &err);
    configure_log(&config);
    if (!check && !test)
        return serve(&config);
    int status = test ? self_test_run(&config, &err) : 0;
    if (check)
        puts("fcgi-worker: the settings are valid");
    if (status != 0)
        luna_log(LUNA_LOG_ERROR, "self_test_failed", LUNA_LOG_S("reason", err.msg));
    worker_config_done(&config);
    return status;
}
