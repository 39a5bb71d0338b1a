/* A PostgreSQL that accepts connections and never replies: after two failures the circuit breaker
 * opens; one session probes, and the others do not wait. */
#include "luna/base/clock.h"
#include "luna/store/database.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 100, AT_ONCE_MS = 50, PROBE_EVERY_MS = 500 };

static struct luna_database_breaker breaker;
static struct luna_database *one, *other;
static int mute, other_mute;

static int listen_mutely(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    return ntohs(address.sin_port);
}

static struct luna_database *open_session(struct luna_database_breaker *shared)
{
    struct luna_error err;
    char url[80];
    snprintf(url, sizeof url, "postgresql://x@127.0.0.1:%d/x", port_of(mute));
    struct luna_database *database = NULL;
    assert_int_equal(luna_database_new(url, TIMEOUT_MS, &database, &err), LUNA_OK);
    luna_database_share_breaker(database, shared);
    return database;
}

static int begin(void **state)
{
    (void)state;
    memset(&breaker, 0, sizeof breaker);
    mute = listen_mutely();
    other_mute = listen_mutely();
    one = open_session(&breaker);
    other = open_session(&breaker);
    return 0;
}

static int end(void **state)
{
    (void)state;
    luna_database_free(one);
    luna_database_free(other);
    return close(mute) | close(other_mute);
}

static void assert_ping(struct luna_database *database, enum luna_code expected)
{
    struct luna_error err;
    int64_t began_ns = luna_clock_mono_ns();
    assert_int_equal(luna_database_ping(database, luna_deadline_in_ms(10 * TIMEOUT_MS), &err),
                     expected);
    int64_t took_ms = (luna_clock_mono_ns() - began_ns) / 1000000;
    if (expected == LUNA_EUNAVAILABLE)
        assert_in_range(took_ms, 0, AT_ONCE_MS);
    else
        assert_in_range(took_ms, TIMEOUT_MS - 1, 5 * TIMEOUT_MS);
}

static void every_session_waits_for_a_server_that_is_known_to_be_silent(void **state)
{
    (void)state;
    assert_ping(one, LUNA_ETIMEOUT);
    assert_ping(other, LUNA_ETIMEOUT);
    assert_ping(one, LUNA_EUNAVAILABLE);
    assert_ping(other, LUNA_EUNAVAILABLE);
}

static void nobody_or_everybody_probes_the_server(void **state)
{
    (void)state;
    assert_ping(one, LUNA_ETIMEOUT);
    assert_ping(other, LUNA_ETIMEOUT);
    for (int i = 0; i < 2; i++) {
        usleep((PROBE_EVERY_MS + 10) * 1000);
        assert_ping(one, LUNA_ETIMEOUT);
        assert_ping(other, LUNA_EUNAVAILABLE);
    }
}

static void a_single_late_reply_opens_the_breaker(void **state)
{
    (void)state;
    assert_ping(one, LUNA_ETIMEOUT);
    assert_int_equal(breaker.open_until_ns, 0);
}

static void a_session_without_a_breaker_fails_at_once(void **state)
{
    (void)state;
    struct luna_database *alone = open_session(NULL);
    for (int i = 0; i < 3; i++)
        assert_ping(alone, LUNA_ETIMEOUT);
    luna_database_free(alone);
}

static bool was_tried(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

static void the_server_after_a_silent_one_is_never_tried(void **state)
{
    struct luna_database *database = NULL;
    struct luna_error err;
    char url[120];
    (void)state;
    snprintf(url, sizeof url, "postgresql://x@127.0.0.1:%d,127.0.0.1:%d/x", port_of(mute),
             port_of(other_mute));
    assert_int_equal(luna_database_new(url, TIMEOUT_MS, &database, &err), LUNA_OK);
    assert_ping(database, LUNA_ETIMEOUT);
    assert_true(was_tried(mute));
    assert_true(was_tried(other_mute));
    luna_database_free(database);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_session_waits_for_a_server_that_is_known_to_be_silent),
        TEST(nobody_or_everybody_probes_the_server), TEST(a_single_late_reply_opens_the_breaker),
        TEST(the_server_after_a_silent_one_is_never_tried),
        TEST(a_session_without_a_breaker_fails_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
