#include "luna/base/http_listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luna/base/clock.h"

#include <arpa/inet.h>
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
    return luna_http_listener_open("127.0.0.1:0", handler, &calls, &listener, &err) == LUNA_OK ? 0 : -1;
}

static int close_listener(void **state)
{
    (void)state;
    luna_http_listener_close(listener);
    return 0;
}

static int client_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)luna_http_listener_port(listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Serves until the client has read to the end, or `patience_ms` is over; returns how many bytes it got, -1 when late. */
static ssize_t read_answer(int fd, char *out, size_t out_size, int patience_ms)
{
    struct luna_deadline deadline = luna_deadline_in_ms(patience_ms);
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
    assert_true(read_answer(fd, out, out_size, 5000) >= 0);
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
    static const char *const requests[] = {"\r\n\r\n", "GET\r\n\r\n", "GET /hello\r\n\r\n",
                                           "GET hello HTTP/1.1\r\n\r\n", "GET /hello FTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char answer[2048];
        exchange(requests[i], answer, sizeof answer);
        assert_int_equal(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
    }
    assert_int_equal(calls, 0);
}

static void an_endless_head_is_refused(void **state)
{
    (void)state;
    char request[LUNA_HTTP_REQUEST_BYTES_MAX + 100];
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
    assert_true(read_answer(fd, answer, sizeof answer, 5000) > 0);
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
    exchange("GET /hello HTTP/1.1\r\n\r\n", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
        close(idle[i]);
}

static void a_silent_client_is_closed_after_its_deadline(void **state)
{
    (void)state;
    char answer[64];
    int fd = client_connect();
    int64_t began_ns = luna_clock_mono_ns();
    assert_int_equal(read_answer(fd, answer, sizeof answer, LUNA_HTTP_DEADLINE_MS + 2000), 0);
    assert_true(luna_clock_mono_ns() - began_ns >= (LUNA_HTTP_DEADLINE_MS - 50) * 1000000LL);
    close(fd);
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
        assert_int_equal(luna_http_listener_open(wrong[i], handler, &calls, &none, &err), LUNA_EINVAL);
        assert_null(none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_page_is_answered_without_its_query, open_listener, close_listener),
        cmocka_unit_test_setup_teardown(head_has_no_body_and_other_methods_are_refused, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(nonsense_does_not_reach_the_handler, open_listener, close_listener),
        cmocka_unit_test_setup_teardown(an_endless_head_is_refused, open_listener, close_listener),
        cmocka_unit_test_setup_teardown(a_page_over_the_limit_is_an_error_and_a_large_one_arrives_whole,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(a_request_in_pieces_is_answered, open_listener, close_listener),
        cmocka_unit_test_setup_teardown(idle_connections_do_not_shut_a_health_check_out, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(a_silent_client_is_closed_after_its_deadline, open_listener,
                                        close_listener),
        cmocka_unit_test(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
