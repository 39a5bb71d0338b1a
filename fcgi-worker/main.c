/* fcgi-worker: startup, from the command line to the master. */
#include "api/routes.h"
#include "http/problem.h"
#include "luna/base/buf.h"
#include "luna/base/log.h"
#include "luna/base/reload.h"
#include "master/daemon.h"
#include "master/master.h"
#include "monitor/monitor.h"
#include "shared/exit_code.h"
#include "shared/log_file.h"
#include "shared/scoreboard.h"
#include "shared/worker_config.h"
#include "worker/self_test.h"
#include "worker/worker.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 * 1024, EXIT_USAGE = 2, ORPHANS_BYTES_MAX = 4096 };

static const char usage[] =
    "Usage: fcgi-worker [--check-config | --self-test | --reload PID | --upgrade PID |\n"
    "                    --config-example | --help | --version]\n"
    "\n"
    "Run a pool of worker processes that serve Luna's API to nginx over FastCGI.\n"
    "\n"
    "Options\n"
    "  --check-config    check the settings, then exit\n"
    "  --self-test       compute the golden vector, connect to Redis and PostgreSQL, then exit\n"
    "  --reload PID      check the settings, reload the pool of the master with this process id,\n"
    "                    and wait for the outcome\n"
    "  --upgrade PID     upgrade the pool of the master with this process id to the binary on\n"
    "                    disk, and wait for the outcome\n"
    "  --config-example  print an environment file with every setting\n"
    "  --version         print the version\n"
    "  --help            show this help\n"
    "\n"
    "Signals\n"
    "  HUP               reload the settings\n"
    "  USR1              reopen LUNA_LOG_FILE, after a rotation\n"
    "  USR2              upgrade to the binary on disk\n"
    "  TTIN              add one worker\n"
    "  TTOU              remove one worker\n"
    "  TERM, INT, QUIT   finish the requests in progress, then stop\n"
    "\n"
    "Exit statuses\n"
    "   0  stopped by a signal, or success\n"
    "   1  failure; --reload, --upgrade: the old settings or the old binary remain in use\n"
    "   2  invalid command line\n"
    "  69  --self-test: Redis or PostgreSQL is unavailable\n"
    "  70  --self-test: the golden vector was not computed correctly\n"
    "  75  another process holds the journal slots, the socket or an address of this pool\n"
    "  78  a setting is missing or invalid\n"
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

/* Sends the signal to the master and waits for the outcome. */
static int request(const struct worker_config *config, int signal, pid_t pid)
{
    enum { STARTS = 3, SPARE_MS = 5000 }; /* a self-test, and twice the time of a start */
    char name[RELOAD_NAME_BYTES], note[LUNA_RELOAD_NOTE_BYTES];
    struct luna_error err = {0};
    const char *what = signal == SIGHUP ? "reload" : "upgrade";
    int timeout_ms = (int)(STARTS * config->start_timeout_ms) + SPARE_MS;
    daemon_reload_name(config, name);
    if (luna_reload_request(config->state_dir, name, pid, signal, timeout_ms, note, &err) !=
        LUNA_OK) {
        (void)fprintf(stderr, "fcgi-worker: the %s failed: %s\n", what, err.msg);
        return 1;
    }
    printf("fcgi-worker: %s complete%s%s\n", what, note[0] != '\0' ? "; " : "", note);
    return 0;
}

/* A master's process id; 0: invalid. */
static pid_t parse_pid(const char *text)
{
    char *end = NULL;
    long pid = strtol(text, &end, 10);
    return end != text && *end == '\0' && pid > 1 && pid <= INT_MAX ? (pid_t)pid : 0;
}

enum action {
    ACTION_SERVE,
    ACTION_CHECK,
    ACTION_TEST,
    ACTION_RELOAD,
    ACTION_UPGRADE,
    ACTION_USAGE
};

/* What the command line asks for, once it is not a page to print. */
static enum action read_action(int argc, char **argv, pid_t *ret_pid)
{
    static const char *const options[] = {[ACTION_CHECK] = "--check-config",
                                          [ACTION_TEST] = "--self-test",
                                          [ACTION_RELOAD] = "--reload",
                                          [ACTION_UPGRADE] = "--upgrade"};
    int action = ACTION_CHECK;
    *ret_pid = 0;
    if (argc <= 1)
        return ACTION_SERVE;
    while (action < ACTION_USAGE && strcmp(argv[1], options[action]) != 0)
        action++;
    if (action == ACTION_CHECK || action == ACTION_TEST)
        return argc == 2 ? (enum action)action : ACTION_USAGE;
    *ret_pid = argc == 3 ? parse_pid(argv[2]) : 0;
    return *ret_pid != 0 ? (enum action)action : ACTION_USAGE;
}

/* What does not serve, and ends. */
static int act(enum action action, const struct worker_config *config, pid_t pid)
{
    struct luna_error err = {0};
    if (action == ACTION_RELOAD || action == ACTION_UPGRADE)
        return request(config, action == ACTION_RELOAD ? SIGHUP : SIGUSR2, pid);
    if (action == ACTION_CHECK) {
        puts("fcgi-worker: the settings are valid");
        return 0;
    }
    int status = self_test_run(config, &err);
    if (status != 0)
        luna_log(LUNA_LOG_ERROR, "self_test_failed", LUNA_LOG_S("reason", err.msg));
    return status;
}

int main(int argc, char **argv)
{
    struct worker_config config;
    struct luna_error err = {0};
    const char *option = argc > 1 ? argv[1] : "";
    pid_t pid = 0;
    if (strcmp(option, "--help") == 0)
        return print(usage, write_help);
    if (strcmp(option, "--version") == 0)
        return print("fcgi-worker " LUNA_VERSION "\n", write_nothing);
    if (strcmp(option, "--config-example") == 0)
        return print("", write_example);
    enum action action = read_action(argc, argv, &pid);
    if (action == ACTION_USAGE) {
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
    if (action == ACTION_SERVE)
        return serve(&config);
    int status = act(action, &config, pid);
    worker_config_done(&config);
    return status;
}
