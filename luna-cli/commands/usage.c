#include "commands/handlers.h"

#include "luna/base/buf.h"
#include "luna/store/usage.h"
#include "session/session.h"
#include "terminal/output.h"
#include "terminal/words.h"

#include <inttypes.h>
#include <stdio.h>

enum { DAYS_DEFAULT = 30, DAYS_BYTES_MAX = 16 * 1024 };

static void print_days(const struct luna_usage *usage)
{
    struct output_list *list = output_list_new(false);
    for (int i = 0; i < usage->day_count; i++) {
        const struct cell cells[] = {CELL_T("day", usage->days[i].day),
                                     CELL_I("units", usage->days[i].units)};
        output_list_add(list, cells, OUTPUT_COUNT(cells));
    }
    putchar('\n');
    output_list_print(list, "Nothing was booked on these days.");
}

static void put_days(const struct luna_usage *usage, struct luna_buf *out)
{
    luna_buf_putc(out, '[');
    for (int i = 0; i < usage->day_count; i++)
        luna_buf_printf(out, "%s{\"day\": \"%s\", \"units\": %" PRId64 "}", i > 0 ? ", " : "",
                        usage->days[i].day, usage->days[i].units);
    luna_buf_putc(out, ']');
    luna_buf_putc(out, '\0');
}

static void print_usage(bool json, const struct luna_usage *usage)
{
    struct luna_buf days;
    luna_buf_init(&days, DAYS_BYTES_MAX);
    put_days(usage, &days);
    const struct cell cells[] = {CELL_I("id", usage->account.id),
                                 CELL_T("name", usage->account.name),
                                 CELL_T("plan", usage->account.plan),
                                 CELL_I("quota_limit", usage->quota_limit),
                                 CELL_I("used", usage->used),
                                 CELL_I("remaining", usage->remaining),
                                 CELL_I("unbooked", usage->unbooked),
                                 CELL_B("live", usage->live),
                                 CELL_T("period", luna_period_kind(usage->account.period)),
                                 CELL_MS("period_start", usage->account.period_start_ms),
                                 CELL_MS("period_end", usage->account.period_end_ms),
                                 CELL_J("days", days.data)};
    output_record(json, cells, json ? OUTPUT_COUNT(cells) : OUTPUT_COUNT(cells) - 1);
    luna_buf_done(&days);
    if (!json)
        print_days(usage);
}

enum cli_exit cmd_usage(const struct invocation *invocation)
{
    const char *days_text = invocation_option(invocation, "days");
    int64_t days = DAYS_DEFAULT;
    if (days_text && !invocation_integer("--days", days_text, 0, LUNA_USAGE_DAYS_MAX, &days))
        return CLI_USAGE;
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE | SESSION_CACHE_IF_SET);
    if (status != CLI_OK)
        return status;
    struct luna_account account;
    struct luna_usage usage;
    struct luna_error err;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK && luna_usage_get(session.database, session.counters, account.id,
                                           (int)days, &usage, &err) != LUNA_OK)
        status = cli_exit_report(&err);
    if (status == CLI_OK)
        print_usage(invocation->json, &usage);
    session_close(&session);
    return status;
}
