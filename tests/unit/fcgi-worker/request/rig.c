#include "rig.h"

#include "api/routes.h"
#include "luna/base/log.h"
#include "request/pipeline.h"
#include "shared/long_runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SENT_BYTES_MAX = 8 * 1024 * 1024, WORKERS = 4, NS_PER_MS = 1000000, HARD_LIMIT_MS = 60000 };

struct rig rig;

static const char *setting(const char *name)
{
    static const char *const settings[][2] = {
        {"LUNA_WORKER_SOCKET", "/run/luna/test.sock"},
        {"LUNA_STATE_DIR", "/var/lib/luna-test"},
        {"LUNA_REDIS_URL", "redis://127.0.0.1:1"},
        {"LUNA_DATABASE_URL", "host=127.0.0.1"},
        {"LUNA_KEY_PEPPER", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"},
        /* A test waits for no machine. */
        {"LUNA_REQUEST_TIMEOUT_MS", "60000"}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(name, settings[i][0]) == 0)
            return settings[i][1];
    return NULL;
}

/* A process claims a slot once: its tests share a board, which each of them finds empty. */
static enum luna_code make_board(struct luna_error *err)
{
    static struct scoreboard *board;
    static struct scoreboard_worker *slot;
    int fd = -1;
    if (board == NULL) {
        enum luna_code code = scoreboard_new(&board, &fd, err);
        if (code != LUNA_OK)
            return code;
        close(fd);
        slot = scoreboard_claim(board, 0);
    }
    memset(&board->long_runs, 0, sizeof board->long_runs);
    memset(&board->worker[0], 0, sizeof board->worker[0]);
    atomic_store(&board->pool.target, WORKERS);
    rig.board = board;
    rig.pipeline.slot = slot;
    return LUNA_OK;
}

int rig_set_up(void **state)
{
    struct luna_error err = {0};
    (void)state;
    rig = (struct rig){0};
    luna_log_configure("fcgi-worker", LUNA_LOG_ERROR, LUNA_LOG_JSON);
    if (worker_config_load(setting, &rig.config, &err) != LUNA_OK || make_board(&err) != LUNA_OK) {
        print_error("%s\n", err.msg);
        return -1;
    }
    fake_admitter_reset(&rig.admitter);
    luna_buf_init(&rig.io.sent, SENT_BYTES_MAX);
    rig.pipeline = (struct pipeline){.config = &rig.config,
                                     .routes = &api_routes,
                                     .board = rig.board,
                                     .slot = rig.pipeline.slot,
                                     .admitter = &rig.admitter,
                                     .io = &rig.io};
    pipeline_init(&rig.pipeline);
    return 0;
}

int rig_tear_down(void **state)
{
    (void)state;
    pipeline_done(&rig.pipeline);
    luna_buf_done(&rig.io.sent);
    worker_config_done(&rig.config);
    return 0;
}

const char *rig_serve(const struct rig_request *request)
{
    struct fcgi_io *io = &rig.io;
    const char *body = request->body != NULL ? request->body : "";
    char content_length[32];
    bool client_left = io->client_left;
    snprintf(content_length, sizeof content_length, "%zu", strlen(body));
    fake_fcgi_io_reset(io);
    io->client_left = client_left;
    io->body = body;
    fake_fcgi_io_set(io, "REQUEST_METHOD", request->method != NULL ? request->method : "POST");
    fake_fcgi_io_set(io, "REQUEST_URI", request->path);
    fake_fcgi_io_set(io, "CONTENT_LENGTH", content_length);
    fake_fcgi_io_set(io, "CONTENT_TYPE",
                     request->content_type != NULL ? request->content_type : "application/json");
    fake_fcgi_io_set(io, "QUERY_STRING", request->query);
    fake_fcgi_io_set(io, "HTTP_ACCEPT", request->accept);
    fake_fcgi_io_set(io, "HTTP_X_API_KEY", request->api_key);
    fake_fcgi_io_set(io, "HTTP_AUTHORIZATION", request->authorization);
    fake_fcgi_io_set(io, "HTTP_IDEMPOTENCY_KEY", request->idempotency_key);
    fake_fcgi_io_set(io, "HEADER_REPEATED", request->repeated_header);
    int64_t now_ns = luna_clock_mono_ns();
    scoreboard_worker_begin(rig.pipeline.slot, now_ns, now_ns + (int64_t)HARD_LIMIT_MS * NS_PER_MS);
    pipeline_serve(&rig.pipeline, now_ns);
    return io->sent.len > 0 ? io->sent.data : "";
}

void rig_begin_long_run(int slot, int64_t account_id)
{
    long_runs_begin(rig.board, &rig.board->worker[slot], account_id,
                    luna_clock_mono_ns() + (int64_t)HARD_LIMIT_MS * NS_PER_MS);
}

bool rig_is_listed(int slot, int64_t account_id)
{
    return atomic_load(&rig.board->long_runs.list[slot].account_id) == account_id;
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

void rig_compute_ms(int64_t ms)
{
    int64_t until_ns = cpu_ns() + ms * NS_PER_MS;
    while (cpu_ns() < until_ns) {
    }
}
