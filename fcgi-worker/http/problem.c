#include "http/problem.h"

#include "http/content_coding.h"

#include <stdbool.h>
#include <string.h>

static const struct problem rows[] = {
    [PROBLEM_NONE] = {500, "internal_error", "Internal error", "No problem was named."},
#define X(symbol, status, code, title, message) [symbol] = {status, code, title, message},
    PROBLEM_TABLE(X)
#undef X
};

const struct problem *problem_row(enum problem_id id)
{
    if (id <= PROBLEM_NONE || (size_t)id >= sizeof rows / sizeof rows[0])
        id = PROBLEM_INTERNAL;
    return &rows[id];
}

static void put_member(struct luna_buf *out, const char *name, const char *text)
{
    luna_buf_printf(out, "\"%s\":", name);
    luna_buf_put_json_string(out, text, strlen(text));
    luna_buf_putc(out, ',');
}

/* A registered type where there is one (IANA's registry of problem types); the others are the
 * addresses of pages that explain them (web/problems.yaml), relative to the service. */
static void put_type(struct luna_buf *out, enum problem_id id)
{
    if (id == PROBLEM_QUOTA_EXHAUSTED || id == PROBLEM_RATE_LIMITED ||
        id == PROBLEM_CONCURRENCY_LIMITED)
        put_member(out, "type", "https://iana.org/assignments/http-problem-types#quota-exceeded");
    else
        luna_buf_printf(out, "\"type\":\"/problems/%s\",", problem_row(id)->code);
}

static void put_detail(struct luna_buf *out, const struct problem_report *report, bool rfc9457)
{
    const char *text = report->detail != NULL ? report->detail : problem_row(report->id)->message;
    bool listed = report->faults != NULL && report->faults->count > 0;
    luna_buf_puts(out, "\"detail\":");
    if (listed && !rfc9457) {
        luna_faults_put_json(report->faults, out);
        return;
    }
    luna_buf_put_json_string(out, text, strlen(text));
    if (listed) {
        luna_buf_puts(out, ",\"errors\":");
        luna_faults_put_json(report->faults, out);
    }
}

static void add_challenge(struct http_response *response, enum problem_id id)
{
    const char *why = id == PROBLEM_KEY_MISSING   ? ""
                      : id == PROBLEM_KEY_INVALID ? ", error=\"invalid_token\""
                      : id == PROBLEM_SCOPE_MISSING || id == PROBLEM_SCOPE_EXCEEDED
                          ? ", error=\"insufficient_scope\""
                          : NULL;
    if (why != NULL)
        http_header_add(response, "WWW-Authenticate", "Bearer realm=\"luna\"%s", why);
}

static void add_accepted(struct http_response *response, const struct problem_report *report)
{
    if (report->id == PROBLEM_ENCODING)
        http_header_add(response, "Accept-Encoding", "%s", CONTENT_CODINGS);
    if (report->accepted != NULL)
        http_header_add(response, "Accept", "%s", report->accepted);
}

/* A credential in Authorization is refused as RFC 6750 says; X-API-Key gets 403, as the service's
 * owner specified (docs/adr/0011). */
static int status_of(enum problem_id id, const struct http_request *request)
{
    bool by_credential = id == PROBLEM_KEY_MISSING || id == PROBLEM_KEY_INVALID;
    return by_credential && *request->authorization != '\0' && *request->api_key == '\0'
               ? 401
               : problem_row(id)->status;
}

/* RFC 9457's type, where Accept names it and prefers nothing else. */
static bool wants_rfc9457(const char *accept)
{
    static const char type[] = "application/problem+json";
    return http_media_named(accept, type) &&
           http_accept_weight(accept, type) >= http_accept_weight(accept, "application/json");
}

void problem_respond(struct http_response *response, const struct problem_report *report,
                     const struct http_request *request)
{
    const struct problem *row = problem_row(report->id);
    struct luna_buf *out = &response->body;
    bool rfc9457 = wants_rfc9457(request->accept);
    response->status = status_of(report->id, request);
    response->content_type = rfc9457 ? "application/problem+json" : "application/json";
    add_challenge(response, report->id);
    add_accepted(response, report);
    luna_buf_clear(out);
    luna_buf_putc(out, '{');
    put_type(out, report->id);
    put_member(out, "title", row->title);
    luna_buf_printf(out, "\"status\":%d,", response->status);
    put_member(out, "code", row->code);
    put_member(out, "request_id", request->request_id);
    if (report->violated_policy != NULL)
        luna_buf_printf(out, "\"violated-policies\":[\"%s\"],", report->violated_policy);
    put_detail(out, report, rfc9457);
    luna_buf_puts(out, "}\n");
}
