#include "pages.h"

#include "luna/base/clock.h"

#include <string.h>

const char *syncd_state_word(const struct syncd_state *state)
{
    if (state->stopping)
        return "stopping";
    if (state->last == ROUND_FAILED)
        return "retrying";
    if (state->last == ROUND_REFUSED)
        return "refused";
    if (state->last == ROUND_STANDBY)
        return "standby";
    return state->ever_done ? "leading" : "starting";
}

bool syncd_in_trouble(const struct syncd_state *state)
{
    return state->last == ROUND_FAILED || state->last == ROUND_REFUSED;
}

static void refresh(struct syncd_state *state)
{
    state->metrics.log_lines_dropped_total = (int64_t)atomic_load(&state->log_lines_dropped);
    state->metrics.last_round_age_ms = luna_clock_mono_ns() / 1000000 - state->last_done_ms;
}

/* Ready: it books, or it is on standby and could take over. */
static void answer_ready(const struct syncd_state *state, struct luna_http_reply *reply)
{
    bool ready = !state->stopping && !syncd_in_trouble(state) &&
                 (state->last == ROUND_STANDBY || state->ever_done);
    reply->status = ready ? 200 : 503;
    luna_buf_printf(reply->body, "%s", syncd_state_word(state));
    if (syncd_in_trouble(state))
        luna_buf_printf(reply->body, ": %s", state->trouble.msg);
    luna_buf_putc(reply->body, '\n');
}

static void answer_status(struct syncd_state *state, struct luna_http_reply *reply)
{
    refresh(state);
    reply->status = 200;
    reply->content_type = "application/json";
    luna_buf_puts(reply->body, "{\"program\": \"quota-syncd\", \"version\": \"" LUNA_VERSION
                               "\", \"state\": \"");
    luna_buf_puts(reply->body, syncd_state_word(state));
    luna_buf_puts(reply->body, "\", \"trouble\": ");
    if (syncd_in_trouble(state))
        luna_buf_put_json_string(reply->body, state->trouble.msg, strlen(state->trouble.msg));
    else
        luna_buf_puts(reply->body, "null");
    luna_buf_puts(reply->body, ", \"metrics\": {");
    metrics_put_json(&state->metrics, reply->body);
    luna_buf_puts(reply->body, "}}\n");
}

static void answer_metrics(struct syncd_state *state, struct luna_http_reply *reply)
{
    refresh(state);
    reply->status = 200;
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_put_prometheus(&state->metrics, reply->body);
}

void pages_answer(void *context, const char *path, struct luna_http_reply *reply)
{
    struct syncd_state *state = context;
    if (strcmp(path, "/livez") == 0) {
        reply->status = 200; /* the same event loop answers and books */
        luna_buf_puts(reply->body, "ok\n");
    } else if (strcmp(path, "/readyz") == 0) {
        answer_ready(state, reply);
    } else if (strcmp(path, "/metrics") == 0) {
        answer_metrics(state, reply);
    } else if (strcmp(path, "/status") == 0) {
        answer_status(state, reply);
    }
}
