#include "request/access_log.h"

#include "http/credential.h"
#include "luna/base/log.h"

#include <string.h>

enum { URI_BYTES_MAX = 256 };

static int64_t us(int64_t ns)
{
    return ns / 1000;
}

static const char *code_of(const struct scoreboard_sample *sample)
{
    return sample->problem != 0 ? problem_row((enum problem_id)sample->problem)->code : NULL;
}

static void log_request(const struct exchange *exchange, const struct scoreboard_sample *sample,
                        enum luna_log_level level, const char *event)
{
    const struct http_request *request = &exchange->request;
    if (!luna_log_enabled(level))
        return;
    /* No more than stands before a key, as in DELETE /keys/KEY. */
    size_t path_len = credential_free_len(request->path, request->path_len, URI_BYTES_MAX);
    const struct luna_log_field fields[] = {
        LUNA_LOG_S("request_id", exchange->request_id),
        LUNA_LOG_S("method", request->method),
        LUNA_LOG_N("path", request->path, path_len),
        LUNA_LOG_S("route", exchange->route != NULL ? exchange->route->name : "none"),
        LUNA_LOG_I("status", sample->status),
        LUNA_LOG_S("code", code_of(sample)),
        LUNA_LOG_I("account_id", exchange->ids.account_id),
        LUNA_LOG_S("remote", request->remote_address),
        LUNA_LOG_I("bytes_in", sample->bytes_in),
        LUNA_LOG_I("bytes_out", sample->bytes_out),
        LUNA_LOG_I("points", sample->points),
        LUNA_LOG_I("units", sample->units),
        LUNA_LOG_B("cold", sample->cold),
        LUNA_LOG_I("wait_us", us(sample->wait_ns)),
        LUNA_LOG_I("total_us", us(sample->duration_ns)),
        LUNA_LOG_I("read_us", us(sample->phase_ns[PHASE_READ])),
        LUNA_LOG_I("decode_us", us(sample->phase_ns[PHASE_DECODE])),
        LUNA_LOG_I("admit_us", us(sample->phase_ns[PHASE_ADMIT])),
        LUNA_LOG_I("model_us", us(sample->phase_ns[PHASE_MODEL])),
        LUNA_LOG_I("store_us", us(sample->phase_ns[PHASE_STORE])),
        LUNA_LOG_I("encode_us", us(sample->phase_ns[PHASE_ENCODE])),
        LUNA_LOG_I("commit_us", us(sample->phase_ns[PHASE_COMMIT])),
        LUNA_LOG_I("send_us", us(sample->phase_ns[PHASE_SEND])),
        LUNA_LOG_S("traceparent", request->traceparent), /* the last: most requests have none */
    };
    size_t count = sizeof fields / sizeof fields[0] - (*request->traceparent == '\0');
    luna_log_fields(level, event, fields, count);
}

void access_log_write(const struct exchange *exchange, const struct scoreboard_sample *sample)
{
    log_request(exchange, sample, LUNA_LOG_INFO, "request");
    if (sample->slow)
        log_request(exchange, sample, LUNA_LOG_WARNING, "slow_request");
}
