#include "served_request.h"

#include "api/routes.h"
#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "request/pipeline.h"
#include "shared/worker_config.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    FCGI_BEGIN = 1,
    FCGI_PARAMS = 4,
    FCGI_STDIN = 5,
    RECORD_BYTES_MAX = 65535,
    REQUEST_BYTES_MAX = 1 << 20
};

struct served_request {
    struct worker_config config;
    struct pipeline pipeline;
    int listener;
};

/* What a gateway says of a request (conf/nginx/fastcgi.conf). The clock's time would change its
 * digits; an old one counts as none. */
static const char *const params[][2] = {{"REQUEST_METHOD", "POST"},
                                        {"REQUEST_URI", "/api/v1/42/kalman"},
                                        {"CONTENT_TYPE", "application/json"},
                                        {"REMOTE_ADDR", "127.0.0.1"},
                                        {"REQUEST_ID", "8d5e957f297893487bd98fa830fa6413"},
                                        {"REQUEST_START", "1700000000.123"},
                                        {"HTTP_X_API_KEY", "7d444840-9dc0-41d1-b245-5ffdce74fad2"},
                                        {"HTTP_ACCEPT", "*/*"}};

static void fail(const char *doing)
{
    (void)fprintf(stderr, "instructions: %s\n", doing);
    exit(EXIT_FAILURE);
}

static void add_record(struct luna_buf *out, int type, const char *content, size_t len)
{
    const unsigned char header[] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len, 0, 0};
    luna_buf_append(out, header, sizeof header);
    luna_buf_append(out, content, len);
}

/* Short names and values only: their lengths take a byte each. */
static void add_param(struct luna_buf *out, const char *name, const char *value)
{
    luna_buf_putc(out, (char)strlen(name));
    luna_buf_putc(out, (char)strlen(value));
    luna_buf_puts(out, name);
    luna_buf_puts(out, value);
}

static void write_request(struct luna_buf *out, const char *body, size_t body_len)
{
    static const char responder[8] = {0, 1};
    struct luna_buf all;
    char length[32];
    luna_buf_init(&all, REQUEST_BYTES_MAX);
    (void)snprintf(length, sizeof length, "%zu", body_len);
    add_param(&all, "CONTENT_LENGTH", length);
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++)
        add_param(&all, params[i][0], params[i][1]);
    add_record(out, FCGI_BEGIN, responder, sizeof responder);
    add_record(out, FCGI_PARAMS, all.data, all.len);
    add_record(out, FCGI_PARAMS, "", 0);
    if (body_len > RECORD_BYTES_MAX)
        fail("the body does not fit into a record");
    add_record(out, FCGI_STDIN, body, body_len);
    add_record(out, FCGI_STDIN, "", 0);
    luna_buf_done(&all);
}

static void ask_for_ever(const struct sockaddr_un *address, const struct luna_buf *request)
{
    static char answer[REQUEST_BYTES_MAX];
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
            write(fd, request->data, request->len) != (ssize_t)request->len)
            _exit(EXIT_FAILURE);
        while (read(fd, answer, sizeof answer) > 0)
            continue;
        close(fd);
    }
}

static int start_gateway(const char *folder, const struct luna_buf *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/worker.sock", folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0)
        fail("no socket for the worker");
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        ask_for_ever(&address, request);
    }
    return listener;
}

/* The settings that have no default (the stores are never asked), and limits of time that the
 * machine's load does not reach: what is counted does not depend on it. */
static const char *setting(const char *name)
{
    static const char *const given[][2] = {
        {"LUNA_WORKER_SOCKET", "worker.sock"},
        {"LUNA_STATE_DIR", "."},
        {"LUNA_REDIS_URL", "unix:///nowhere"},
        {"LUNA_DATABASE_URL", "host=/nowhere"},
        {"LUNA_KEY_PEPPER", "0100000000000000000000000000000000000000000000000000000000000000"},
        {"LUNA_LOG_FORMAT", "json"},
        {"LUNA_QUEUE_WAIT_TARGET_MS", "60000"},
        {"LUNA_QUEUE_WAIT_MAX_MS", "600000"},
        {"LUNA_REQUEST_TIMEOUT_MS", "60000"},
        {"LUNA_SLOW_MS", "600000"}};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        if (strcmp(name, given[i][0]) == 0)
            return given[i][1];
    return NULL;
}

static void open_worker(struct served_request *served, const char *folder)
{
    struct fcgi_io_options options = {.head_timeout_ms = 60000};
    char log_path[128];
    struct luna_error err;
    int ignored = -1;
    (void)snprintf(log_path, sizeof log_path, "%s/log", folder);
    luna_log_configure("fcgi-worker", LUNA_LOG_INFO, LUNA_LOG_JSON);
    if (luna_log_open(log_path, &err) != LUNA_OK ||
        worker_config_load(setting, &served->config, &err) != LUNA_OK ||
        scoreboard_new(&served->pipeline.board, &ignored, &err) != LUNA_OK ||
        peers_set_users(&options.peers, NULL, &err) != LUNA_OK ||
        fcgi_io_new(&options, &served->pipeline.io, &err) != LUNA_OK)
        fail(err.msg);
    served->pipeline.config = &served->config;
    served->pipeline.slot = &served->pipeline.board->worker[0];
    served->pipeline.routes = &api_routes;
    pipeline_init(&served->pipeline);
}

struct served_request *served_request_new(const char *folder, struct luna_admitter *admitter,
                                          const char *body, size_t body_len)
{
    struct luna_buf request;
    struct served_request *served = calloc(1, sizeof *served);
    if (served == NULL)
        fail("no memory for a worker");
    luna_buf_init(&request, REQUEST_BYTES_MAX);
    write_request(&request, body, body_len);
    served->listener = start_gateway(folder, &request);
    luna_buf_done(&request);
    served->pipeline.admitter = admitter;
    open_worker(served, folder);
    return served;
}

void served_request_await(const struct served_request *served)
{
    struct pollfd item = {.fd = served->listener, .events = POLLIN};
    if (poll(&item, 1, 60000) != 1)
        fail("nobody asks");
}

void served_request_serve(struct served_request *served)
{
    struct pipeline *pipeline = &served->pipeline;
    struct luna_error err = {.code = LUNA_OK};
    int64_t accepted_ns = luna_clock_mono_ns();
    scoreboard_worker_begin(pipeline->slot, accepted_ns, accepted_ns + INT64_C(60000000000));
    if (fcgi_io_accept(pipeline->io, served->listener, &err) != FCGI_ACCEPT_OK)
        fail(err.msg);
    pipeline_serve(pipeline, accepted_ns);
    if (pipeline->response.status != 200)
        fail("the request was not answered 200");
    fcgi_io_finish(pipeline->io);
}
