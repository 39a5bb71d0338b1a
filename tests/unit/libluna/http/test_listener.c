#include "luna/http/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luna/base/clock.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct luna_http_listener *listener;

static void handler(void *context, const char *path, struct luna_http_reply *reply)
{
    int *calls = context;
    (*calls)++;
    if (strcmp(path, "/hello") == 0) {
        reply->status = 200;
        luna_buf_puts(reply->body, "world\n");
    } else if (strcmp(path, "/huge") == 0) {
        reply->status = 200;
        while (!reply->body->overflow)
            luna_buf_puts(reply->body, "0123456789012345678901234567890123456789");
    } else if (strcmp(path, "/large") == 0) {
        reply->status = 200;
        for (int i = 0; i < 20000; i++)
            luna_buf_puts(reply->body, "0123456789012345678901234567890123456789");
    }
}

static int calls;

static int open_listener(void **state)
{
    (void)state;
    struct luna_error err;
    calls = 0;
    return luna_http_listener_open("127.0.0.1:0", handler, &calls, &listener, &err) == LUNA_OK ? 0
                                                                                               : -1;
}

static int close_listener(void **state)
{
    (void)state;
    luna_http_listener_close(listener);
    return 0;
}

/* With small ones the kernels of both sides take little of an answer that nobody reads. */
static int client_connect_with(int segment_bytes, int buffer_bytes)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes),
                     0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)luna_http_listener_port(listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int client_connect(void)
{
    return client_connect_with(1460, 1 << 20);
}

/* Serves until the client has read to the end, or `timeout_ms` are over; returns how many bytes
 * it got, -1 when late. */
static ssize_t read_answer(int fd, char *out, size_t out_size, int timeout_ms)
{
    struct luna_deadline deadline = luna_deadline_in_ms(timeout_ms);
    size_t len = 0;
    while (!luna_deadline_passed(deadline)) {
        struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
                                {.fd = luna_http_listener_fd(listener), .events = POLLIN}};
        poll(fds, 2, luna_deadline_left_ms(deadline));
        if (fds[1].revents)
            luna_http_listener_serve(listener);
        if (fds[0].revents) {
            ssize_t got = recv(fd, out + len, out_size - 1 - len, 0);
            if (got <= 0) {
                out[len] = '\0';
                return (ssize_t)len;
            }
            len += (size_t)got;
        }
    }
    return -1;
}

static void exchange(const char *request, char *out, size_t out_size)
{
    int fd = client_connect();
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    assert_true(read_answer(fd, out, out_size, WAIT_MS) >= 0);
    close(fd);
}

static void a_page_is_answered_without_its_query(void **state)
{
    (void)state;
    char answer[2048];
    exchange("GET /hello?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(answer, "Content-Length: 6\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n") + 4, "world\n");
}

static void head_has_no_body_and_other_methods_are_refused(void **state)
{
    (void)state;
    char answer[2048];
    exchange("HEAD /hello HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "Content-Length: 6\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n") + 4, "");
    exchange("POST /hello HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 405 ", 13), 0);
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    assert_int_equal(calls, 1);
}

static void nonsense_does_not_reach_the_handler(void **state)
{
    (void)state;
    /* "" is a connection that is closed without an answer. */
    static const char *const exchanges[][2] = {{"GET\r\n\r\n", ""},
                                               {"* * *\r\n\r\n", "HTTP/1.1 400 "},
                                               {"GET /hello\r\n\r\n", "HTTP/1.1 400 "},
                                               {"GET hello HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
                                               {"GET /hello FTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
                                               {"GET /hello HTTP/9.9\r\n\r\n", "HTTP/1.1 505 "}};
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
        char answer[2048];
        exchange(exchanges[i][0], answer, sizeof answer);
        answer[strlen(exchanges[i][1])] = '\0';
        assert_string_equal(answer, exchanges[i][1]);
    }
    assert_int_equal(calls, 0);
}

static void an_endless_head_is_refused(void **state)
{
    (void)state;
    char request[LUNA_HTTP_CONNECTION_BYTES + 100];
    char answer[2048];
    memset(request, 'a', sizeof request);
    memcpy(request, "GET /hello HTTP/1.1\r\nX: ", 24);
    request[sizeof request - 1] = '\0';
    exchange(request, answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 431 ", 13), 0);
}

static void a_page_over_the_limit_is_an_error_and_a_large_one_arrives_whole(void **state)
{
    (void)state;
    static char answer[LUNA_HTTP_RESPONSE_BYTES_MAX + 2048];
    exchange("GET /huge HTTP/1.1\r\n\r\n", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 500 ", 13), 0);
    exchange("GET /large HTTP/1.1\r\n\r\n", answer, sizeof answer);
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), 800000);
}

static void a_request_in_pieces_is_answered(void **state)
{
    (void)state;
    static const char request[] = "GET /hello HTTP/1.1\r\n\r\n";
    char answer[2048];
    int fd = client_connect();
    for (size_t i = 0; request[i]; i++) {
        send(fd, request + i, 1, MSG_NOSIGNAL);
        luna_http_listener_serve(listener);
    }
    assert_true(read_answer(fd, answer, sizeof answer, WAIT_MS) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    close(fd);
}

static void idle_connections_do_not_shut_a_health_check_out(void **state)
{
    (void)state;
    int idle[LUNA_HTTP_CONNECTIONS_MAX * 2];
    char answer[2048];
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        idle[i] = client_connect();
        luna_http_listener_serve(listener);
    }
    int64_t began_ns = luna_clock_mono_ns();
    exchange("GET /hello HTTP/1.1\r\n\r\n", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    /* before the idle ones were closed for their silence */
    assert_true(luna_clock_mono_ns() - began_ns < LUNA_HTTP_DEADLINE_MS * 1000000LL);
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
        close(idle[i]);
}

static void a_silent_client_is_closed_after_its_deadline(void **state)
{
    (void)state;
    char answer[64];
    int fd = client_connect();
    int64_t began_ns = luna_clock_mono_ns();
    assert_int_equal(read_answer(fd, answer, sizeof answer, WAIT_MS), 0);
    assert_true(luna_clock_mono_ns() - began_ns >= (LUNA_HTTP_DEADLINE_MS - 50) * 1000000LL);
    close(fd);
}

static void serve_for_ms(int64_t ms)
{
    struct luna_deadline deadline = luna_deadline_in_ms(ms);
    struct pollfd fds = {.fd = luna_http_listener_fd(listener), .events = POLLIN};
    while (!luna_deadline_passed(deadline)) {
        if (poll(&fds, 1, luna_deadline_left_ms(deadline)) > 0)
            luna_http_listener_serve(listener);
    }
}

static void a_client_that_always_says_a_little_stays_for_ever(void **state)
{
    (void)state;
    char byte;
    int fd = client_connect();
    assert_int_equal(send(fd, "GET /hello HTTP/1.1\r\nX: ", 24, MSG_NOSIGNAL), 24);
    for (int ms = 0; ms < LUNA_HTTP_DEADLINE_MS + 500; ms += 100) {
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
        serve_for_ms(100);
    }
    assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN);
    close(fd);
}

static int open_files(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_client_that_does_not_read_its_answer_stays_for_ever(void **state)
{
    (void)state;
    int fd = client_connect_with(536, 4096);
    int before = open_files();
    assert_int_equal(send(fd, "GET /large HTTP/1.1\r\n\r\n", 23, MSG_NOSIGNAL), 23);
    serve_for_ms(100);
    assert_int_equal(open_files(), before + 1);
    serve_for_ms(LUNA_HTTP_DEADLINE_MS);
    assert_int_equal(open_files(), before);
    close(fd);
}

static void an_idle_listener_wakes_its_program(void **state)
{
    (void)state;
    char answer[2048];
    struct pollfd fds = {.fd = luna_http_listener_fd(listener), .events = POLLIN};
    exchange("GET /hello HTTP/1.1\r\n\r\n", answer, sizeof answer);
    serve_for_ms(50);
    assert_int_equal(poll(&fds, 1, LUNA_HTTP_DEADLINE_MS + 100), 0);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        ":80",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:x",
                                        "localhost:80",
                                        "[::1:80",
                                        "127.0.0.1:99999999",
                                        "1.2.3.4.5:80"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct luna_http_listener *none = NULL;
        struct luna_error err;
        assert_int_equal(luna_http_listener_open(wrong[i], handler, &calls, &none, &err),
                         LUNA_EINVAL);
        assert_null(none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_is_answered_without_its_query, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(head_has_no_body_and_other_methods_are_refused,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(nonsense_does_not_reach_the_handler, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(an_endless_head_is_refused, open_listener, close_listener),
        cmocka_unit_test_setup_teardown(
            a_page_over_the_limit_is_an_error_and_a_large_one_arrives_whole, open_listener,
            close_listener),
        cmocka_unit_test_setup_teardown(a_request_in_pieces_is_answered, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(idle_connections_do_not_shut_a_health_check_out,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(a_silent_client_is_closed_after_its_deadline, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(a_client_that_always_says_a_little_stays_for_ever,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(a_client_that_does_not_read_its_answer_stays_for_ever,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(an_idle_listener_wakes_its_program, open_listener,
                                        close_listener),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
