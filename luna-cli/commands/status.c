#include "commands/handlers.h"

#include "session/cli_config.h"
#include "session/pool_status.h"
#include "terminal/output.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_BYTES_MAX = 1 << 20 };

static void print_pool(const struct pool_status *status)
{
    const struct cell cells[] = {CELL_B("ready", status->ready),
                                 CELL_T("reason", status->reason),
                                 CELL_I("generation", status->generation),
                                 CELL_I("workers_wanted", status->target),
                                 CELL_I("workers_busy", status->busy),
                                 CELL_I("backlog", status->backlog_depth),
                                 CELL_I("backlog_max", status->backlog_max),
                                 CELL_I("requests", status->requests),
                                 CELL_I("units", status->units),
                                 CELL_I("shed", status->shed),
                                 CELL_I("crashes", status->crashes),
                                 CELL_I("kills", status->kills),
                                 CELL_I("queue_wait_p99_us", status->queue_wait_p99_us),
                                 CELL_I("duration_p99_us", status->duration_p99_us)};
    output_record(false, cells, OUTPUT_COUNT(cells));
}

static void print_workers(const struct pool_status *status)
{
    struct output_list *list = output_list_new(false);
    for (size_t i = 0; i < status->worker_count; i++) {
        const struct pool_worker *worker = &status->workers[i];
        const struct cell cells[] = {CELL_I("slot", worker->slot),
                                     CELL_I("pid", worker->pid),
                                     CELL_T("state", worker->state),
                                     CELL_I("requests", worker->requests),
                                     CELL_I("kib", worker->resident_bytes / 1024),
                                     CELL_T("phase", worker->busy ? worker->phase : NULL),
                                     CELL_I("busy_ms", worker->busy_ms),
                                     CELL_T("request", worker->busy ? worker->request_id : NULL)};
        output_list_add(list, cells, OUTPUT_COUNT(cells));
    }
    (void)puts("");
    output_list_print(list, "No workers.");
}

static enum cli_exit show(const struct invocation *invocation, const struct cli_config *config)
{
    struct pool_status *status = calloc(1, sizeof *status);
    struct luna_buf page;
    struct luna_error err;
    if (status == NULL) {
        luna_error_set(&err, LUNA_ENOMEM, "out of memory");
        return cli_exit_report(&err);
    }
    luna_buf_init(&page, PAGE_BYTES_MAX);
    enum luna_code code = cli_config_need(config, "LUNA_MONITOR_LISTEN", &err);
    if (code == LUNA_OK)
        code = pool_status_get(config->monitor_listen, &page, status, &err);
    if (code != LUNA_OK) {
        cli_exit_report(&err);
    } else if (invocation->json) {
        (void)fwrite(page.data, 1, page.len, stdout);
    } else {
        print_pool(status);
        print_workers(status);
    }
    enum cli_exit exit_status = code == LUNA_OK && status->ready ? CLI_OK : CLI_FAILED;
    luna_buf_done(&page);
    free(status);
    return exit_status;
}

enum cli_exit cmd_status(const struct invocation *invocation)
{
    struct cli_config config;
    struct luna_error err;
    if (cli_config_load(&config, &err) != LUNA_OK)
        return cli_exit_report(&err);
    enum cli_exit exit_status = show(invocation, &config);
    cli_config_done(&config);
    return exit_status;
}
