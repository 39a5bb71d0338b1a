#include "api/input.h"

#include <assert.h>

enum { NUMBERS_MAX = 4 };

static void complain_of_faults(struct exchange *exchange)
{
    if (exchange->faults.count > 0)
        exchange_complain_of_faults(exchange);
}

void input_read_query(struct exchange *exchange, const struct input_number *numbers)
{
    struct query query;
    const char *known[NUMBERS_MAX + 1] = {NULL};
    for (size_t i = 0; numbers[i].name != NULL; i++) {
        assert(i < NUMBERS_MAX);
        known[i] = numbers[i].name;
    }
    (void)query_parse(exchange->request.query, &exchange->pipeline->arena, &query,
                      &exchange->faults);
    query_forbid_others(&query, known, "", &exchange->faults);
    for (const struct input_number *number = numbers; number->name != NULL; number++)
        *number->ret_value = query_int(&query, number->name, number->min, number->max,
                                       number->otherwise, &exchange->faults);
    complain_of_faults(exchange);
}

void input_read_no_query(struct exchange *exchange)
{
    static const struct input_number none[] = {{.name = NULL}};
    input_read_query(exchange, none);
}

void input_read_body(struct exchange *exchange, const struct small_member *members)
{
    const struct http_request *request = &exchange->request;
    input_read_no_query(exchange);
    if (exchange->complaint.id != PROBLEM_NONE)
        return;
    if (request->body_len > 0 && !http_media_named(request->content_type, "application/json")) {
        exchange_complain_of_type(exchange, "application/json",
                                  "Send Content-Type: application/json.");
        return;
    }
    if (!exchange_unpack_body(exchange))
        return;
    small_body_read(request->body, request->body_len, members, &exchange->faults);
    complain_of_faults(exchange);
}
