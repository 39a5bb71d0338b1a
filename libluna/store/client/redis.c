#include "client/redis.h"

#include "client/redis_url.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static const int64_t RENEW_AFTER_NS = 1000000000;

enum { COMMAND_BYTES_MAX = 8 << 20 };

struct luna_counters {
    struct luna_redis_address address;
    int timeout_ms;
    redisContext *context; /* NULL: not connected */
    struct timeval limit;  /* timeout of reads and writes, as last set; 0: not yet */
    uint64_t generation;
    struct luna_buf out;      /* the command that is being sent */
    int pending;              /* commands sent whose replies were not taken yet */
    struct luna_meter *meter; /* NULL: not counted */
    enum luna_purpose purpose;
    int64_t connected_ns;
    bool suspect;    /* a reply said that this is not, or no longer, the right Redis */
    int64_t sent_ns; /* when the first pending command was sent; 0: none, or not counted */
};

enum luna_code luna_counters_new(const char *url, int timeout_ms,
                                 struct luna_counters **ret_counters, struct luna_error *err)
{
    struct luna_redis_address address;
    enum luna_code code = luna_redis_url_parse(url, &address, err);
    if (code != LUNA_OK)
        return code;
    struct luna_counters *counters = calloc(1, sizeof *counters);
    if (counters == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for a Redis connection");
    luna_buf_init(&counters->out, COMMAND_BYTES_MAX);
    counters->address = address;
    counters->timeout_ms = timeout_ms;
    *ret_counters = counters;
    return LUNA_OK;
}

void luna_counters_free(struct luna_counters *counters)
{
    if (counters == NULL)
        return;
    luna_redis_drop(counters);
    explicit_bzero(&counters->address, sizeof counters->address);
    luna_buf_done(&counters->out);
    free(counters);
}

void luna_redis_drop(struct luna_counters *counters)
{
    if (counters->context != NULL)
        redisFree(counters->context);
    counters->context = NULL;
    counters->pending = 0;
}

void luna_counters_meter(struct luna_counters *counters, struct luna_store_meter *meter,
                         enum luna_purpose purpose)
{
    counters->meter = meter != NULL ? &meter->redis : NULL;
    counters->purpose = purpose;
}

void luna_redis_purpose(struct luna_counters *counters, enum luna_purpose purpose)
{
    counters->purpose = purpose;
}

static void start_trip(struct luna_counters *counters)
{
    if (counters->meter != NULL && counters->pending == 0)
        counters->sent_ns = luna_clock_mono_ns();
}

static void end_trip(struct luna_counters *counters)
{
    if (counters->sent_ns != 0)
        luna_meter_time(counters->meter, counters->purpose,
                        luna_clock_mono_ns() - counters->sent_ns);
    counters->sent_ns = 0;
}

/* A failed round trip closes the connection. */
static void fail_trip(struct luna_counters *counters, enum luna_meter_error kind)
{
    luna_meter_error(counters->meter, kind);
    end_trip(counters);
    luna_redis_drop(counters);
}

int luna_redis_timeout_ms(const struct luna_counters *counters)
{
    return counters->timeout_ms;
}

uint64_t luna_redis_generation(const struct luna_counters *counters)
{
    return counters->generation;
}

void luna_redis_trust(struct luna_counters *counters)
{
    counters->suspect = false;
}

/* Reports what broke, and closes. hiredis reports an expired SO_RCVTIMEO as EAGAIN. */
static enum luna_code broken(struct luna_counters *counters, const char *doing,
                             struct luna_error *err)
{
    const redisContext *context = counters->context;
    enum luna_code code = LUNA_EUNAVAILABLE;
    if (context != NULL && context->err == REDIS_ERR_IO &&
        (strstr(context->errstr, "temporarily unavailable") != NULL ||
         strstr(context->errstr, "timed out") != NULL))
        code = LUNA_ETIMEOUT;
    luna_error_set(err, code, "Redis: %s: %s", doing,
                   context == NULL           ? "out of memory"
                   : code == LUNA_ETIMEOUT   ? "no reply in time"
                   : context->errstr[0] != 0 ? context->errstr
                                             : "connection lost");
    fail_trip(counters, code == LUNA_ETIMEOUT ? LUNA_METER_TIMEOUT : LUNA_METER_CONNECTION);
    return code;
}

static enum luna_code run_setup(struct luna_counters *counters, const char **argv, int argc,
                                const char *doing, struct luna_error *err)
{
    redisReply *reply = redisCommandArgv(counters->context, argc, argv, NULL);
    if (reply == NULL)
        return broken(counters, doing, err);
    enum luna_code code = LUNA_OK;
    if (reply->type == REDIS_REPLY_ERROR)
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: %s: %s", doing, reply->str);
    freeReplyObject(reply);
    if (code != LUNA_OK)
        fail_trip(counters, LUNA_METER_REFUSED);
    return code;
}

static enum luna_code greet(struct luna_counters *counters, struct luna_error *err)
{
    const struct luna_redis_address *address = &counters->address;
    enum luna_code code = LUNA_OK;
    if (address->password[0] != '\0') {
        const char *named[] = {"AUTH", address->user, address->password};
        const char *plain[] = {"AUTH", address->password};
        bool has_user = address->user[0] != '\0';
        code = run_setup(counters, has_user ? named : plain, has_user ? 3 : 2, "logging in", err);
    }
    if (code == LUNA_OK && address->db != 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", address->db);
        const char *argv[] = {"SELECT", number};
        code = run_setup(counters, argv, 2, "choosing the database", err);
    }
    return code;
}

/* No reply is pending, but there is something to read: the server closed the connection. Found
 * here, it costs a reconnect; found later, the command. */
static bool poll_hang_up(const struct luna_counters *counters)
{
    struct pollfd item = {.fd = counters->context->fd, .events = POLLIN};
    return counters->pending == 0 && poll(&item, 1, 0) > 0;
}

/* The host name may point to another server by now. Not at every refusal: closing that often would
 * use up the local ports. */
static bool is_worth_renewing(const struct luna_counters *counters)
{
    return counters->suspect && counters->pending == 0 &&
           luna_clock_mono_ns() - counters->connected_ns > RENEW_AFTER_NS;
}

/* How long a read or a write may take. Usually unchanged: the timeout, which is shorter than the
 * request's deadline. */
static enum luna_code limit_waits(struct luna_counters *counters, struct timeval limit,
                                  struct luna_error *err)
{
    if (limit.tv_sec == counters->limit.tv_sec && limit.tv_usec == counters->limit.tv_usec)
        return LUNA_OK;
    if (redisSetTimeout(counters->context, limit) != REDIS_OK)
        return broken(counters, "setting a timeout", err);
    counters->limit = limit;
    return LUNA_OK;
}

/* Names the server, as there may be several. */
static enum luna_code not_connected(struct luna_counters *counters, struct luna_error *err)
{
    const struct luna_redis_address *address = &counters->address;
    char doing[160];
    if (address->host[0] != '\0')
        snprintf(doing, sizeof doing, "connecting to %.100s port %d", address->host, address->port);
    else
        snprintf(doing, sizeof doing, "connecting to %s", address->path);
    return broken(counters, doing, err);
}

static enum luna_code ensure_connected(struct luna_counters *counters,
                                       struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_deadline capped = luna_deadline_cap_ms(deadline, counters->timeout_ms);
    struct timeval left = luna_deadline_timeval(capped);
    if (counters->context != NULL && (poll_hang_up(counters) || is_worth_renewing(counters)))
        luna_redis_drop(counters);
    if (counters->context == NULL) {
        const struct luna_redis_address *address = &counters->address;
        counters->context = address->host[0] != '\0'
                                ? redisConnectWithTimeout(address->host, address->port, left)
                                : redisConnectUnixWithTimeout(address->path, left);
        if (counters->context == NULL || counters->context->err != 0)
            return not_connected(counters, err);
        counters->limit = (struct timeval){0};
        counters->generation++;
        counters->connected_ns = luna_clock_mono_ns();
        counters->suspect = false;
        luna_meter_connect(counters->meter);
        enum luna_code code = limit_waits(counters, left, err);
        return code == LUNA_OK ? greet(counters, err) : code;
    }
    return limit_waits(counters, left, err);
}

enum luna_code luna_redis_send(struct luna_counters *counters, struct luna_redis_command *command,
                               struct luna_deadline deadline, struct luna_error *err)
{
    if (command->overflow)
        return luna_error_set(err, LUNA_ELIMIT, "a Redis command of more than %d arguments",
                              LUNA_REDIS_ARGS_MAX);
    start_trip(counters);
    enum luna_code code = ensure_connected(counters, deadline, err);
    if (code != LUNA_OK)
        return code;
    luna_redis_format(command, &counters->out);
    if (counters->out.overflow)
        return luna_error_set(err, LUNA_ELIMIT, "a Redis command of more than %d bytes",
                              COMMAND_BYTES_MAX);
    if (redisAppendFormattedCommand(counters->context, counters->out.data, counters->out.len) !=
        REDIS_OK)
        return broken(counters, "sending", err);
    counters->pending++;
    return LUNA_OK;
}

/* NOSCRIPT: Redis is fenced, until quota-syncd has recovered the counters and loaded the scripts;
 * or this is another Redis. The others: it was the primary and is a replica now. */
static void note_refusal(struct luna_counters *counters, const redisReply *reply)
{
    static const char *const suspicions[] = {"NOSCRIPT", "READONLY", "MASTERDOWN", "NOAUTH"};
    if (reply->type != REDIS_REPLY_ERROR)
        return;
    for (size_t i = 0; i < sizeof suspicions / sizeof suspicions[0]; i++)
        counters->suspect =
            counters->suspect || strncmp(reply->str, suspicions[i], strlen(suspicions[i])) == 0;
    luna_meter_error(counters->meter, strncmp(reply->str, "NOSCRIPT", 8) == 0 ? LUNA_METER_FENCED
                                                                              : LUNA_METER_REFUSED);
}

enum luna_code luna_redis_take(struct luna_counters *counters, struct luna_deadline deadline,
                               struct luna_reply **ret_reply, struct luna_error *err)
{
    void *reply = NULL;
    if (counters->context == NULL)
        return luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: connection lost");
    if (luna_deadline_passed(deadline)) {
        fail_trip(counters, LUNA_METER_TIMEOUT);
        return luna_error_set(err, LUNA_ETIMEOUT, "Redis: no reply in time");
    }
    if (redisGetReply(counters->context, &reply) != REDIS_OK)
        return broken(counters, "waiting for a reply", err);
    if (--counters->pending == 0)
        end_trip(counters);
    note_refusal(counters, reply);
    *ret_reply = reply;
    return LUNA_OK;
}

enum luna_code luna_redis_call(struct luna_counters *counters, struct luna_redis_command *command,
                               struct luna_deadline deadline, struct luna_reply **ret_reply,
                               struct luna_error *err)
{
    enum luna_code code = luna_redis_send(counters, command, deadline, err);
    return code == LUNA_OK ? luna_redis_take(counters, deadline, ret_reply, err) : code;
}

enum luna_code luna_redis_run(struct luna_counters *counters, struct luna_redis_command *command,
                              struct luna_deadline deadline, struct luna_reply **ret_reply,
                              struct luna_error *err)
{
    struct luna_reply *reply = NULL;
    enum luna_code code = luna_redis_call(counters, command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_error(reply) != NULL) {
        code = luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: %s: %s", command->argv[0],
                              luna_reply_error(reply));
        luna_reply_free(reply);
        return code;
    }
    *ret_reply = reply;
    return LUNA_OK;
}

enum luna_code luna_counters_ping(struct luna_counters *counters, struct luna_deadline deadline,
                                  struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "PING");
    luna_redis_purpose(counters, LUNA_PURPOSE_PROBE);
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code == LUNA_OK)
        luna_reply_free(reply);
    return code;
}

/* A line of INFO is "field:value". */
static void find_field(const char *info, const char *name, char *out, size_t out_bytes)
{
    size_t name_len = strlen(name);
    out[0] = '\0';
    for (const char *line = info; *line != '\0';) {
        size_t len = strcspn(line, "\r\n");
        if (len > name_len && line[name_len] == ':' && memcmp(line, name, name_len) == 0)
            snprintf(out, out_bytes, "%.*s", (int)(len - name_len - 1), line + name_len + 1);
        line += len;
        line += strspn(line, "\r\n");
    }
}

enum luna_code luna_redis_info(struct luna_counters *counters, const char *section,
                               const char *field, struct luna_deadline deadline, char *out,
                               size_t out_bytes, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "INFO");
    luna_redis_arg(&command, section);
    enum luna_code code = luna_redis_run(counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    find_field(luna_reply_text(reply), field, out, out_bytes);
    luna_reply_free(reply);
    return LUNA_OK;
}
