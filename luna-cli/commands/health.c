#include "commands/handlers.h"

#include "luna/base/buf.h"
#include "luna/store/counters.h"
#include "luna/store/database.h"
#include "luna/store/migrate.h"
#include "session/cli_config.h"
#include "session/http_get.h"
#include "terminal/output.h"

#include <string.h>

enum { CHECK_TIMEOUT_MS = 3000, PAGE_BYTES_MAX = 64 * 1024 };

/* One line of the report. */
struct finding {
    const char *part;
    /* false: it is optional and its address is not set, or it depends on a part that failed */
    bool checked;
    bool well;
    struct luna_error what; /* when not well */
    const char *advice;
};

typedef enum luna_code (*check)(const struct cli_config *config, struct luna_error *err);

static enum luna_code check_database(const struct cli_config *config, struct luna_error *err)
{
    struct luna_database *database = NULL;
    enum luna_code code = cli_config_need(config, "LUNA_DATABASE_URL", err);
    if (code == LUNA_OK)
        code = luna_database_new(config->database_url, CHECK_TIMEOUT_MS, &database, err);
    if (code == LUNA_OK)
        code = luna_database_ping(database, luna_deadline_in_ms(CHECK_TIMEOUT_MS), err);
    luna_database_free(database);
    return code;
}

static enum luna_code check_schema(const struct cli_config *config, struct luna_error *err)
{
    struct luna_database *database = NULL;
    enum luna_code code = cli_config_need(config, "LUNA_DATABASE_URL", err);
    if (code == LUNA_OK)
        code = luna_database_new(config->database_url, CHECK_TIMEOUT_MS, &database, err);
    if (code == LUNA_OK)
        code = luna_migrate_check(database, err);
    luna_database_free(database);
    return code;
}

static enum luna_code check_redis(const struct cli_config *config, struct luna_error *err)
{
    struct luna_counters *counters = NULL;
    enum luna_code code = cli_config_need(config, "LUNA_REDIS_URL", err);
    if (code == LUNA_OK)
        code = luna_counters_new(config->redis_url, CHECK_TIMEOUT_MS, &counters, err);
    if (code == LUNA_OK)
        code = luna_counters_ping(counters, luna_deadline_in_ms(CHECK_TIMEOUT_MS), err);
    luna_counters_free(counters);
    return code;
}

static struct finding examine(const struct cli_config *config, const char *part, bool checked,
                              check look, const char *advice)
{
    struct finding finding = {.part = part, .checked = checked, .advice = advice};
    finding.well = !checked || look(config, &finding.what) == LUNA_OK;
    if (!finding.well && finding.what.code == LUNA_ECONFIG)
        finding.advice = "set it, or set the same name with _FILE";
    return finding;
}

/* A daemon of the service at `address` (NULL: not set, so not checked). It is well when its /readyz
 * returns 200. Otherwise the page gives the cause, which a restart of the daemon does not fix. */
static struct finding examine_program(const char *part, const char *address,
                                      const char *setting_advice, const char *start_advice)
{
    struct finding finding = {.part = part, .checked = address != NULL, .advice = setting_advice};
    struct luna_buf page;
    int http_status = 0;
    finding.well = address == NULL;
    if (finding.well)
        return finding;
    luna_buf_init(&page, PAGE_BYTES_MAX);
    finding.advice = start_advice;
    if (http_get(address, "/readyz", luna_deadline_in_ms(CHECK_TIMEOUT_MS), &http_status, &page,
                 &finding.what) == LUNA_OK) {
        finding.well = http_status == 200;
        finding.advice = "fix the reported cause; do not restart";
        luna_error_set(&finding.what, LUNA_EUNAVAILABLE, "%s: /readyz returned %d: %.*s", address,
                       http_status, page.len > 0 ? (int)strcspn(page.data, "\n") : 0,
                       page.len > 0 ? page.data : "");
    }
    luna_buf_done(&page);
    return finding;
}

static enum cli_exit report(bool json, const struct finding *findings, size_t count)
{
    struct output_list *list = output_list_new(json);
    enum cli_exit status = CLI_OK;
    for (size_t i = 0; i < count; i++) {
        const struct finding *f = &findings[i];
        const char *word = !f->checked ? "not checked" : f->well ? "ok" : "FAILED";
        struct cell state = CELL_STATE("state", word, f->well);
        if (!f->checked)
            state.colour = COLOUR_NONE;
        const struct cell cells[] = {CELL_T("part", f->part), state,
                                     CELL_T("what", f->well ? NULL : f->what.msg),
                                     CELL_T("do", f->checked && f->well ? NULL : f->advice)};
        output_list_add(list, cells, OUTPUT_COUNT(cells));
        if (!f->well)
            status = CLI_FAILED;
    }
    output_list_print(list, "");
    return status;
}

enum cli_exit cmd_health(const struct invocation *invocation)
{
    struct cli_config config;
    struct luna_error err;
    if (cli_config_load(&config, &err) != LUNA_OK)
        return cli_exit_report(&err);
    const struct finding database = examine(&config, "postgresql", true, check_database,
                                            "start PostgreSQL, or fix LUNA_DATABASE_URL");
    const struct finding findings[] = {
        database,
        examine(&config, "schema", database.well, check_schema,
                database.well
                    ? "run as the schema owner: luna migrate up (packages: luna-setup --upgrade)"
                    : "fix postgresql first"),
        examine(&config, "redis", true, check_redis, "start Redis, or fix LUNA_REDIS_URL"),
        examine_program("quota-syncd", config.syncd_listen,
                        "set LUNA_METRICS_LISTEN to its address",
                        "start quota-syncd, or check its log"),
        examine_program("workers", config.monitor_listen, "set LUNA_MONITOR_LISTEN to its address",
                        "start fcgi-worker, or check its log"),
    };
    enum cli_exit status = report(invocation->json, findings, OUTPUT_COUNT(findings));
    cli_config_done(&config);
    return status;
}
