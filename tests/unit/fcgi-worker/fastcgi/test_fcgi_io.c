/* What goes wrong on a FastCGI connection, and what libfcgi gets wrong there (P1-P13): each as a
 * peer that causes it. */
#include "fastcgi/fcgi_io.h"
#include "wait.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BEGIN_REQUEST = 1, PARAMS = 4, STDIN = 5, KEEP = 1, READ_MS = 150 };

static struct fcgi_io *io;
static int listen_fd;
static struct sockaddr_un address;
static socklen_t address_len;
static struct luna_buf body;

static int set_up(void **state)
{
    struct luna_error err;
    struct fcgi_io_options options = {.peers = {.users = {geteuid()}, .user_count = 1},
                                      .head_timeout_ms = READ_MS};
    (void)state;
    listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    address_len = sizeof address;
    if (bind(listen_fd, (struct sockaddr *)&address, sizeof(sa_family_t)) != 0 ||
        listen(listen_fd, 8) != 0 ||
        getsockname(listen_fd, (struct sockaddr *)&address, &address_len) != 0)
        return -1;
    luna_buf_init(&body, 1000);
    return fcgi_io_new(&options, &io, &err) == LUNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fcgi_io_free(io);
    luna_buf_done(&body);
    return close(listen_fd);
}

static int connect_peer(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, address_len), 0);
    return fd;
}

static void send_record(int fd, int type, const void *content, size_t len)
{
    unsigned char header[8] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(len >> 8), (unsigned char)len, 0, 0};
    assert_int_equal(write(fd, header, sizeof header), sizeof header);
    if (len > 0)
        assert_int_equal(write(fd, content, len), (ssize_t)len);
}

static void send_head(int fd, int flags, const char *content_length)
{
    const unsigned char begin[8] = {0, 1, (unsigned char)flags};
    unsigned char params[200] = {14, (unsigned char)strlen(content_length)};
    memcpy(params + 2, "CONTENT_LENGTH", 14);
    memcpy(params + 16, content_length, strlen(content_length));
    send_record(fd, BEGIN_REQUEST, begin, sizeof begin);
    send_record(fd, PARAMS, params, 16 + strlen(content_length));
    send_record(fd, PARAMS, "", 0);
}

static enum fcgi_accept take(void)
{
    struct luna_error err;
    return fcgi_io_accept(io, listen_fd, &err);
}

static enum fcgi_body read_it(void)
{
    return fcgi_io_read_body(io, &body, luna_deadline_in_ms(WAIT_MS));
}

static bool is_closed(int fd)
{
    char byte;
    struct pollfd peer = {.fd = fd, .events = POLLIN};
    return poll(&peer, 1, 500) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void whole_request_is_read(void **state)
{
    int peer = connect_peer();
    (void)state;
    send_head(peer, 0, "11");
    send_record(peer, STDIN, "hello ", 6);
    send_record(peer, STDIN, "world", 5);
    send_record(peer, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_string_equal(fcgi_io_param(io, "CONTENT_LENGTH"), "11");
    assert_string_equal(fcgi_io_param(io, "CONTENT"), "");
    assert_int_equal(read_it(), FCGI_BODY_OK);
    assert_memory_equal(body.data, "hello world", 11);
    close(peer);
}

static void nobody_there_does_not_block(void **state)
{
    (void)state;
    assert_int_equal(take(), FCGI_ACCEPT_NONE); /* P5 */
}

static void connection_is_closed_although_keeping_it_was_asked_for(void **state)
{
    int peer = connect_peer();
    (void)state;
    send_head(peer, KEEP, "0"); /* P1, P3 */
    send_record(peer, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_OK);
    fcgi_io_finish(io);
    assert_true(is_closed(peer));
    close(peer);
}

static void body_shorter_than_announced_is_told_from_a_whole_one(void **state)
{
    int peer = connect_peer();
    (void)state;
    send_head(peer, 0, "12");
    send_record(peer, STDIN, "hello", 5);
    send_record(peer, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_INCOMPLETE);
    close(peer);
}

static void peer_that_leaves_within_the_body_is_not_a_short_body(void **state)
{
    int peer = connect_peer();
    (void)state;
    send_head(peer, 0, "5");
    send_record(peer, STDIN, "hello", 5); /* P4: all bytes, but no end of stream */
    close(peer);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_INCOMPLETE);
}

static void body_over_the_cap_is_read_to_its_end(void **state)
{
    static const char kilobyte[1024];
    int peer = connect_peer();
    (void)state;
    send_head(peer, 0, "2048");
    send_record(peer, STDIN, kilobyte, sizeof kilobyte);
    send_record(peer, STDIN, kilobyte, sizeof kilobyte);
    send_record(peer, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_TOO_LARGE);
    fcgi_io_finish(io);
    assert_true(is_closed(peer)); /* and not reset: nothing was left unread (P1, P2) */
    close(peer);
}

static void silent_peer_is_let_go(void **state)
{
    int peer = connect_peer(); /* P8: not a byte */
    int64_t begin = luna_clock_mono_ns();
    (void)state;
    assert_int_equal(take(), FCGI_ACCEPT_DROPPED);
    assert_in_range((luna_clock_mono_ns() - begin) / 1000000, READ_MS - 20, WAIT_MS);
    close(peer);
}

static void peer_that_stops_within_a_header_is_let_go(void **state)
{
    int peer = connect_peer();
    (void)state;
    assert_int_equal(write(peer, "\1\1\0", 3), 3);
    assert_int_equal(take(), FCGI_ACCEPT_DROPPED);
    close(peer);
}

static void peer_that_stops_within_the_body_is_a_timeout(void **state)
{
    int peer = connect_peer();
    (void)state;
    send_head(peer, 0, "10");
    send_record(peer, STDIN, "hello", 5);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(fcgi_io_read_body(io, &body, luna_deadline_in_ms(READ_MS)), FCGI_BODY_TIMEOUT);
    close(peer);
}

static void noise_is_dropped_and_the_next_request_served(void **state)
{
    int noise = connect_peer();
    int peer = connect_peer();
    (void)state;
    assert_int_equal(write(noise, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    close(noise);
    send_head(peer, 0, "0");
    send_record(peer, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_DROPPED);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_OK);
    close(peer);
}

static void foreign_user_is_turned_away_unread(void **state)
{
    struct luna_error err;
    struct fcgi_io *strict = NULL;
    const struct fcgi_io_options options = {.peers = {.users = {geteuid() + 1}, .user_count = 1},
                                            .head_timeout_ms = READ_MS};
    int peer = connect_peer();
    (void)state;
    assert_int_equal(fcgi_io_new(&options, &strict, &err), LUNA_OK);
    assert_int_equal(fcgi_io_accept(strict, listen_fd, &err), FCGI_ACCEPT_DROPPED); /* P9, P10 */
    assert_non_null(strstr(err.msg, "LUNA_SOCKET_PEERS"));
    assert_true(is_closed(peer));
    fcgi_io_free(strict);
    close(peer);
}

static void client_that_left_is_noticed_without_writing(void **state)
{
    int peer = connect_peer();
    (void)state;
    send_head(peer, 0, "0");
    send_record(peer, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_OK);
    int64_t looked_ns = luna_clock_mono_ns();
    assert_false(fcgi_io_poll_client_left(io)); /* P13 */
    close(peer);
    bool left = fcgi_io_poll_client_left(io);
    if (luna_clock_mono_ns() - looked_ns < 1000000) /* this process was not put aside meanwhile */
        assert_false(left);                         /* it looked less than a millisecond ago */
    wait_ms(2);
    assert_true(fcgi_io_poll_client_left(io));
}

/* Debian's libfcgi wants the memory for both, and asserts that it got it. */
static void a_parameter_of_gigabytes_ends_the_worker(void **state)
{
    int peer = connect_peer();
    int next = connect_peer();
    (void)state;
    send_record(peer, BEGIN_REQUEST, "\0\1\0\0\0\0\0", 8);
    send_record(peer, PARAMS, "\377\377\377\376\377\377\377\376", 8);
    send_record(peer, PARAMS, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_DROPPED);
    fcgi_io_finish(io);
    send_head(next, 0, "0");
    send_record(next, STDIN, "", 0);
    assert_int_equal(take(), FCGI_ACCEPT_OK);
    assert_int_equal(read_it(), FCGI_BODY_OK);
    close(peer);
    close(next);
}

/* A worker would read it for as long as its bytes last. */
static void a_head_that_trickles_in_has_no_limit(void **state)
{
    int peer = connect_peer();
    int64_t begin = luna_clock_mono_ns();
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        send_record(peer, BEGIN_REQUEST, "\0\1\0\0\0\0\0", 8);
        for (int i = 0; i < WAIT_MS / (READ_MS / 3); i++) {
            send_record(peer, PARAMS, "N", 1);
            wait_ms(READ_MS / 3);
        }
        _exit(0);
    }
    assert_int_equal(take(), FCGI_ACCEPT_DROPPED);
    assert_true((luna_clock_mono_ns() - begin) / 1000000 < WAIT_MS / 2);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_request_is_read),
        TEST(nobody_there_does_not_block),
        TEST(connection_is_closed_although_keeping_it_was_asked_for),
        TEST(body_shorter_than_announced_is_told_from_a_whole_one),
        TEST(peer_that_leaves_within_the_body_is_not_a_short_body),
        TEST(body_over_the_cap_is_read_to_its_end),
        TEST(silent_peer_is_let_go),
        TEST(peer_that_stops_within_a_header_is_let_go),
        TEST(peer_that_stops_within_the_body_is_a_timeout),
        TEST(noise_is_dropped_and_the_next_request_served),
        TEST(foreign_user_is_turned_away_unread),
        TEST(client_that_left_is_noticed_without_writing),
        TEST(a_parameter_of_gigabytes_ends_the_worker),
        TEST(a_head_that_trickles_in_has_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
