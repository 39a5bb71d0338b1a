/*
 * quota-syncd: books the charges that Redis has counted into the ledger in PostgreSQL. README.md in
 * this folder explains how.
 */
#include "luna/base/buf.h"
#include "luna/base/log.h"
#include "luna/base/reload.h"
#include "syncd.h"
#include "syncd_config.h"

#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE_BYTES_MAX = 64 * 1024, EXIT_USAGE = 2 };

enum action {
    ACTION_RUN,
    ACTION_ONCE,
    ACTION_CHECK,
    ACTION_RELOAD,
    ACTION_EXAMPLE,
    ACTION_VERSION,
    ACTION_HELP,
    ACTION_USAGE
};

static const char usage[] =
    "Usage: quota-syncd [--once | --check-config | --reload PID | --config-example | --version | "
    "--help]\n";

static const char description[] =
    "\n"
    "Book charges from Redis into the ledger in PostgreSQL.\n"
    "\n"
    "Options\n"
    "  --once            book all charges once, then exit\n"
    "  --check-config    check the settings, then exit\n"
    "  --reload PID      check the settings, reload the daemon with this process id, and wait for\n"
    "                    the outcome\n"
    "  --config-example  print an environment file with every setting\n"
    "  --version         print the version\n"
    "  --help            show this help\n"
    "\n"
    "Signals\n"
    "  HUP               reload the settings\n"
    "  USR1              reopen LUNA_LOG_FILE, after a rotation\n"
    "  TERM, INT         book all charges, then stop\n"
    "\n"
    "Exit statuses\n"
    "   0  stopped by a signal, or success\n"
    "   1  failure\n"
    "   2  invalid command line\n"
    "  69  --once: PostgreSQL or Redis is unavailable\n"
    "  75  another process listens on the address in LUNA_METRICS_LISTEN\n"
    "  78  a setting is missing or invalid, or Redis could lose quotas (see "
    "LUNA_ALLOW_UNSAFE_REDIS)\n"
    "\n"
    "Example\n"
    "  LUNA_ENV_FILE=/etc/luna/quota-syncd.env quota-syncd --once\n"
    "\n"
    "Settings (environment variables)\n";

/* *ret_pid: the argument of --reload. */
static enum action read_arguments(int argc, char *argv[], pid_t *ret_pid)
{
    static const struct option options[] = {{"once", no_argument, NULL, ACTION_ONCE},
                                            {"check-config", no_argument, NULL, ACTION_CHECK},
                                            {"reload", required_argument, NULL, ACTION_RELOAD},
                                            {"config-example", no_argument, NULL, ACTION_EXAMPLE},
                                            {"version", no_argument, NULL, ACTION_VERSION},
                                            {"help", no_argument, NULL, ACTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int got = getopt_long(argc, argv, "h", options, NULL);
    if (got == 'h')
        return ACTION_HELP;
    if (got == '?' || optind < argc)
        return ACTION_USAGE;
    char *end = NULL;
    long pid = got == ACTION_RELOAD ? strtol(optarg, &end, 10) : 0;
    if (got == ACTION_RELOAD && (end == optarg || *end != '\0' || pid <= 1 || pid > INT_MAX))
        return ACTION_USAGE;
    *ret_pid = (pid_t)pid;
    return got == -1 ? ACTION_RUN : (enum action)got;
}

static void print_page(bool example)
{
    struct luna_buf page;
    luna_buf_init(&page, PAGE_BYTES_MAX);
    if (example) {
        luna_config_example(syncd_settings, "quota-syncd", &page);
    } else {
        luna_buf_puts(&page, usage);
        luna_buf_puts(&page, description);
        luna_config_help(syncd_settings, &page);
    }
    fwrite(page.data, 1, page.len, stdout);
    luna_buf_done(&page);
}

static enum luna_code open_log(const struct syncd_config *config, enum action action,
                               struct luna_error *err)
{
    if (action != ACTION_CHECK && action != ACTION_RELOAD && config->log_file != NULL &&
        luna_log_open(config->log_file, err) != LUNA_OK) {
        luna_error_wrap(err, "LUNA_LOG_FILE");
        return LUNA_ECONFIG;
    }
    luna_log_configure("quota-syncd", (enum luna_log_level)config->log_level,
                       (enum luna_log_format)config->log_format);
    return LUNA_OK;
}

static int request_reload(const struct syncd_config *config, pid_t pid)
{
    enum { SPARE_MS = 30000 }; /* beside what checking the stores may take */
    char note[LUNA_RELOAD_NOTE_BYTES];
    struct luna_error err;
    int timeout_ms = SPARE_MS + (int)(config->redis_timeout_ms + config->database_timeout_ms);
    if (luna_reload_request(config->state_dir, SYNCD_RELOAD_NAME, pid, SIGHUP, timeout_ms, note,
                            &err) != LUNA_OK) {
        fprintf(stderr, "quota-syncd: the reload failed: %s\n", err.msg);
        return 1;
    }
    printf("quota-syncd: reload complete%s%s\n", note[0] != '\0' ? "; " : "", note);
    return 0;
}

static int run(enum action action, pid_t pid)
{
    struct syncd_config config = {0};
    struct luna_error err;
    luna_log_unblock();
    if (syncd_config_load(&config, &err) != LUNA_OK || open_log(&config, action, &err) != LUNA_OK) {
        fprintf(stderr, "quota-syncd: %s\n", err.msg);
        syncd_config_done(&config);
        return LUNA_EXIT_CONFIG;
    }
    syncd_block_signals();
    int status = 0;
    if (action == ACTION_RUN)
        status = syncd_run(&config);
    else if (action == ACTION_ONCE)
        status = syncd_run_once(&config);
    else if (action == ACTION_RELOAD)
        status = request_reload(&config, pid);
    else
        puts("quota-syncd: the settings are valid");
    syncd_config_done(&config);
    return status;
}

int main(int argc, char *argv[])
{
    pid_t pid = 0;
    enum action action = read_arguments(argc, argv, &pid);
    switch (action) {
    case ACTION_RUN:
    case ACTION_ONCE:
    case ACTION_CHECK:
    case ACTION_RELOAD:
        return run(action, pid);
    case ACTION_EXAMPLE:
    case ACTION_HELP:
        print_page(action == ACTION_EXAMPLE);
        return 0;
    case ACTION_VERSION:
        puts("quota-syncd " LUNA_VERSION);
        return 0;
    case ACTION_USAGE:
        break;
    }
    fputs(usage, stderr);
    return EXIT_USAGE;
}
