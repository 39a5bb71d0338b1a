/*
 * quota-syncd: books the charges that Redis has counted into the ledger in PostgreSQL. README.md in
 * this folder explains how.
 */
#include "luna/base/buf.h"
#include "luna/base/log.h"
#include "syncd.h"
#include "syncd_config.h"

#include <getopt.h>
#include <stdio.h>

enum { PAGE_BYTES_MAX = 64 * 1024, EXIT_USAGE = 2 };

enum action {
    ACTION_RUN,
    ACTION_ONCE,
    ACTION_CHECK,
    ACTION_EXAMPLE,
    ACTION_VERSION,
    ACTION_HELP,
    ACTION_USAGE
};

static const char usage[] =
    "Usage: quota-syncd [--once | --check-config | --config-example | --version | --help]\n";

static const char description[] =
    "\n"
    "Book charges from Redis into the ledger in PostgreSQL, until stopped by a signal.\n"
    "\n"
    "Options\n"
    "  --once            book everything once, then exit\n"
    "  --check-config    check the settings, then exit\n"
    "  --config-example  print an environment file with every setting\n"
    "  --version         print the version\n"
    "  --help            show this help\n"
    "\n"
    "Signals\n"
    "  HUP               reload the settings\n"
    "  USR1              reopen LUNA_LOG_FILE, after a rotation\n"
    "  TERM, INT         book what is charged, then stop\n"
    "\n"
    "Exit status: 0 stopped; 1 failure; 2 invalid command line; 69 PostgreSQL or Redis is "
    "unavailable\n"
    "(--once); 75 another process holds LUNA_METRICS_LISTEN; 78 invalid settings, or an unsafe "
    "Redis.\n"
    "\n"
    "Example\n"
    "  LUNA_ENV_FILE=/etc/luna/quota-syncd.env quota-syncd --once\n"
    "\n"
    "Settings (environment variables)\n";

static enum action read_arguments(int argc, char *argv[])
{
    static const struct option options[] = {{"once", no_argument, NULL, ACTION_ONCE},
                                            {"check-config", no_argument, NULL, ACTION_CHECK},
                                            {"config-example", no_argument, NULL, ACTION_EXAMPLE},
                                            {"version", no_argument, NULL, ACTION_VERSION},
                                            {"help", no_argument, NULL, ACTION_HELP},
                                            {NULL, 0, NULL, 0}};
    int got = getopt_long(argc, argv, "h", options, NULL);
    if (got == 'h')
        return ACTION_HELP;
    if (got == '?' || optind < argc)
        return ACTION_USAGE;
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
    if (action != ACTION_CHECK && config->log_file != NULL &&
        luna_log_open(config->log_file, err) != LUNA_OK) {
        luna_error_wrap(err, "LUNA_LOG_FILE");
        return LUNA_ECONFIG;
    }
    luna_log_configure("quota-syncd", (enum luna_log_level)config->log_level,
                       (enum luna_log_format)config->log_format);
    return LUNA_OK;
}

static int run(enum action action)
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
    else
        puts("quota-syncd: the settings are valid");
    syncd_config_done(&config);
    return status;
}

int main(int argc, char *argv[])
{
    enum action action = read_arguments(argc, argv);
    switch (action) {
    case ACTION_RUN:
    case ACTION_ONCE:
    case ACTION_CHECK:
        return run(action);
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
