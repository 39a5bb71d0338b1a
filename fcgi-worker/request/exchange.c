#include "request/exchange.h"

#include "luna/base/clock.h"

#include <string.h>
#include <strings.h>

void exchange_enter(struct exchange *exchange, enum phase phase)
{
    int64_t now_ns = luna_clock_mono_ns();
    exchange->sample.phase_ns[exchange->phase] += now_ns - exchange->phase_since_ns;
    exchange->phase = phase;
    exchange->phase_since_ns = now_ns;
    scoreboard_worker_phase(exchange->pipeline->slot, phase);
}

enum step_outcome exchange_answer(struct exchange *exchange, const struct problem_report *report)
{
    exchange->code = problem_row(report->id)->code;
    exchange->sample.problem = (int)report->id;
    if (exchange->streaming) {
        exchange->cut = true;
        exchange->pipeline->response.status = problem_row(report->id)->status; /* for the log */
        return STEP_ANSWERED;
    }
    problem_respond(&exchange->pipeline->response, report, &exchange->request);
    return STEP_ANSWERED;
}

enum step_outcome exchange_refuse(struct exchange *exchange, enum problem_id id, const char *detail)
{
    return exchange_answer(exchange, &(struct problem_report){.id = id, .detail = detail});
}

void exchange_complain(struct exchange *exchange, enum problem_id id, const char *detail)
{
    if (exchange->complaint.id == PROBLEM_NONE)
        exchange->complaint = (struct problem_report){.id = id, .detail = detail};
}

const char *exchange_api_key(const struct exchange *exchange)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = exchange->request.authorization;
    if (*exchange->request.api_key != '\0')
        return exchange->request.api_key;
    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return "";
    authorization += sizeof scheme - 1;
    return authorization + strspn(authorization, " ");
}

int exchange_route_number(const struct exchange *exchange)
{
    return route_number(exchange->pipeline->routes, exchange->route);
}

bool exchange_client_left(struct exchange *exchange)
{
    exchange->client_left = exchange->client_left || fcgi_io_client_left(exchange->pipeline->io);
    return exchange->client_left;
}
