#include "session/http_get.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server of one connection that says `answer` and then closes, or stays silent when it is
 * NULL. */
struct server {
    int fd;
    const char *answer;
    char address[32];
    pthread_t thread;
};

static void *serve(void *context)
{
    struct server *server = context;
    int fd = accept(server->fd, NULL, NULL);
    char request[1024];
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (server->answer && got > 0)
        send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    else
        (void)recv(fd, request, sizeof request, 0); /* until the client gives up */
    close(fd);
    return NULL;
}

static void server_start(struct server *server, const char *answer)
{
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    server->answer = answer;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    assert_int_equal(bind(server->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(server->fd, 1), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&at, &len), 0);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%d", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static enum luna_code ask(const char *answer, int timeout_ms, int *ret_status,
                          struct luna_buf *body, struct luna_error *err)
{
    struct server server;
    server_start(&server, answer);
    luna_buf_init(body, 4096);
    enum luna_code code =
        http_get(server.address, "/readyz", luna_deadline_in_ms(timeout_ms), ret_status, body, err);
    server_stop(&server);
    return code;
}

static void status_and_body_are_told_apart(void **state)
{
    (void)state;
    struct luna_buf body;
    struct luna_error err;
    int status = 0;
    assert_int_equal(ask("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nretrying\n",
                         5000, &status, &body, &err),
                     LUNA_OK);
    assert_int_equal(status, 503);
    assert_int_equal(body.len, 9);
    assert_memory_equal(body.data, "retrying\n", 9);
    luna_buf_done(&body);
}

static void what_is_no_http_is_refused(void **state)
{
    (void)state;
    struct luna_buf body;
    struct luna_error err;
    int status = 0;
    assert_int_equal(ask("-ERR unknown command 'GET'\r\n", WAIT_MS, &status, &body, &err),
                     LUNA_EPROTOCOL);
    luna_buf_done(&body);
}

static void a_silent_server_costs_no_more_than_the_deadline(void **state)
{
    (void)state;
    struct luna_buf body;
    struct luna_error err;
    int status = 0;
    int64_t began_ns = luna_clock_mono_ns();
    assert_int_equal(ask(NULL, 200, &status, &body, &err), LUNA_ETIMEOUT);
    assert_true(luna_clock_mono_ns() - began_ns < WAIT_MS * 1000000LL);
    luna_buf_done(&body);
}

static void nobody_there_is_unavailable(void **state)
{
    (void)state;
    struct luna_buf body;
    struct luna_error err;
    int status = 0;
    luna_buf_init(&body, 4096);
    assert_int_equal(
        http_get("127.0.0.1:1", "/readyz", luna_deadline_in_ms(WAIT_MS), &status, &body, &err),
        LUNA_EUNAVAILABLE);
    assert_int_equal(
        http_get("nonsense", "/readyz", luna_deadline_in_ms(WAIT_MS), &status, &body, &err),
        LUNA_EINVAL);
    luna_buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_and_body_are_told_apart),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(a_silent_server_costs_no_more_than_the_deadline),
        cmocka_unit_test(nobody_there_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
