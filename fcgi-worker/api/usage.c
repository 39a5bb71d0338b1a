#include "api/api.h"

#include "api/input.h"
#include "api/json.h"
#include "api/page.h"
#include "api/stores.h"
#include "http/formats.h"
#include "luna/store/audit.h"
#include "luna/store/usage.h"

#include <assert.h>
#include <string.h>

enum { DAYS_DEFAULT = 30 };

struct usage {
    int64_t days;
    enum format format;
};

struct events {
    struct page_query query; /* cursor: only events before this one */
    enum format format;
};

/* JSON unless Accept prefers CSV. */
static enum format format_of_answer(const struct exchange *exchange)
{
    return format_accepted(exchange->request.accept, FORMAT_JSON) == FORMAT_CSV ? FORMAT_CSV
                                                                                : FORMAT_JSON;
}

static struct luna_buf *begin(struct exchange *exchange, enum format format)
{
    struct luna_buf *out = json_begin(&exchange->pipeline->response);
    exchange->pipeline->response.content_type = format_content_type(format);
    return out;
}

enum step_outcome api_usage_read(struct exchange *exchange)
{
    struct usage *wanted = exchange_route_state_new(exchange, sizeof *wanted);
    if (wanted == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    const struct input_number numbers[] = {
        {"days", 1, LUNA_USAGE_DAYS_MAX, DAYS_DEFAULT, &wanted->days}, {.name = NULL}};
    input_read_query(exchange, numbers);
    wanted->format = format_of_answer(exchange);
    return STEP_ON;
}

static void put_usage_json(const struct exchange *exchange, const struct luna_usage *usage,
                           struct luna_buf *out)
{
    luna_buf_printf(out, "{\"account_id\":%lld,", (long long)exchange->ids.account_id);
    json_put_quota(out, usage);
    luna_buf_putc(out, ',');
    json_put_compute(out, &exchange->admission);
    luna_buf_printf(out, ",\"unbooked\":%lld,\"days\":[", (long long)usage->unbooked);
    for (int i = 0; i < usage->day_count; i++)
        luna_buf_printf(out, "%s{\"day\":\"%s\",\"units\":%lld}", i > 0 ? "," : "",
                        usage->days[i].day, (long long)usage->days[i].units);
    luna_buf_puts(out, "]}\n");
}

static void put_usage_csv(const struct luna_usage *usage, struct luna_buf *out)
{
    luna_buf_puts(out, "day,units\r\n");
    for (int i = 0; i < usage->day_count; i++)
        luna_buf_printf(out, "%s,%lld\r\n", usage->days[i].day, (long long)usage->days[i].units);
}

enum step_outcome api_usage_answer(struct exchange *exchange)
{
    const struct usage *wanted = exchange->route_state;
    struct luna_usage *usage = luna_arena_alloc(&exchange->pipeline->arena, sizeof *usage);
    struct luna_error err = {0};
    assert(wanted != NULL);
    if (usage == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    if (luna_usage_get(api_database(exchange), api_counters(exchange), exchange->ids.account_id,
                       (int)wanted->days, usage, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    struct luna_buf *out = begin(exchange, wanted->format);
    if (wanted->format == FORMAT_CSV)
        put_usage_csv(usage, out);
    else
        put_usage_json(exchange, usage, out);
    return STEP_ON;
}

enum step_outcome api_events_read(struct exchange *exchange)
{
    struct events *wanted = exchange_route_state_new(exchange, sizeof *wanted);
    if (wanted == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    page_read_query(exchange, &wanted->query);
    wanted->format = format_of_answer(exchange);
    return STEP_ON;
}

struct page {
    struct luna_audit_event *events;
    int count;
};

static bool keep(void *context, const struct luna_audit_event *event)
{
    struct page *page = context;
    page->events[page->count++] = *event;
    return true;
}

/* The id of the request that made the event, from the actor's name (stores.c here, cold_load.c);
 * NULL when no request did. */
static const char *request_of(const struct luna_audit_event *event)
{
    static const char key_change[] = "api:", load[] = ", request ";
    if (strncmp(event->actor, key_change, sizeof key_change - 1) == 0)
        return event->actor + sizeof key_change - 1;
    const char *at = strstr(event->actor, load);
    return at != NULL ? at + sizeof load - 1 : NULL;
}

static void put_event_json(const struct luna_audit_event *event, struct luna_buf *out)
{
    luna_buf_printf(out, "{\"seq\":%lld,", (long long)event->seq);
    json_put_time(out, "at", event->at_ms);
    luna_buf_putc(out, ',');
    json_put_text(out, "kind", event->kind);
    luna_buf_printf(
        out,
        ",\"units\":%lld,\"used_before\":%lld,\"used_after\":%lld,\"limit_before\":%lld,\"limit_"
        "after\":%lld,",
        (long long)event->delta, (long long)event->used_before, (long long)event->used_after,
        (long long)event->limit_before, (long long)event->limit_after);
    json_put_text(out, "reason", event->reason);
    luna_buf_putc(out, ',');
    if (request_of(event) != NULL)
        json_put_text(out, "request_id", request_of(event));
    else
        luna_buf_puts(out, "\"request_id\":null");
    luna_buf_putc(out, ',');
    json_put_text(out, "hash", event->hash);
    luna_buf_putc(out, '}');
}

/* RFC 4180: quotes are doubled. */
static void put_csv_text(const char *text, struct luna_buf *out)
{
    luna_buf_putc(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            luna_buf_putc(out, '"');
        luna_buf_putc(out, *text);
    }
    luna_buf_putc(out, '"');
}

static void put_event_csv(const struct luna_audit_event *event, struct luna_buf *out)
{
    luna_buf_printf(out, "%lld,", (long long)event->seq);
    json_put_bare_time(out, event->at_ms);
    luna_buf_printf(out, ",%s,%lld,%lld,%lld,%lld,%lld,", event->kind, (long long)event->delta,
                    (long long)event->used_before, (long long)event->used_after,
                    (long long)event->limit_before, (long long)event->limit_after);
    put_csv_text(event->reason, out);
    luna_buf_printf(out, ",%s,%s\r\n", request_of(event) != NULL ? request_of(event) : "",
                    event->hash);
}

static void put_events(const struct page *page, int shown, bool csv, struct luna_buf *out)
{
    for (int i = 0; i < shown; i++) {
        const struct luna_audit_event *event = &page->events[page->count - 1 - i];
        if (!csv && i > 0)
            luna_buf_putc(out, ',');
        (csv ? put_event_csv : put_event_json)(event, out);
    }
}

/* `next`: the cursor of the next page; 0: this is the last. */
static void put_next(struct exchange *exchange, const struct events *wanted, int64_t next,
                     struct luna_buf *out)
{
    page_link_next(exchange, "usage/events", &wanted->query, next);
    if (wanted->format == FORMAT_CSV)
        return;
    luna_buf_putc(out, ']');
    page_put_next(out, next);
    luna_buf_puts(out, "}\n");
}

/* Newest first. The page holds one event more than asked for when there are more; the cursor of
 * the next page is the last event shown. */
static void put_page(struct exchange *exchange, const struct events *wanted,
                     const struct page *page)
{
    struct luna_buf *out = begin(exchange, wanted->format);
    bool csv = wanted->format == FORMAT_CSV;
    bool more = page->count > wanted->query.limit;
    int shown = more ? (int)wanted->query.limit : page->count;
    luna_buf_puts(out, csv ? "seq,at,kind,units,used_before,used_after,limit_before,limit_after,"
                             "reason,request_id,hash\r\n"
                           : "{\"data\":[");
    put_events(page, shown, csv, out);
    put_next(exchange, wanted, more ? page->events[page->count - shown].seq : 0, out);
}

enum step_outcome api_events_answer(struct exchange *exchange)
{
    const struct events *wanted = exchange->route_state;
    struct luna_error err = {0};
    assert(wanted != NULL);
    int count = (int)wanted->query.limit + 1;
    struct page page = {.events = luna_arena_calloc(&exchange->pipeline->arena, (size_t)count,
                                                    sizeof *page.events)};
    if (page.events == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    const struct luna_audit_filter filter = {
        .account_id = exchange->ids.account_id, .before_seq = wanted->query.cursor, .count = count};
    if (luna_audit_show(api_database(exchange), &filter, keep, &page, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    put_page(exchange, wanted, &page);
    return STEP_ON;
}
