/* A PostgreSQL that accepts connections and never replies: after two failures the circuit breaker
 * opens; one session probes, and the others do not wait. Only so many wait long before that. */
#include "luna/base/clock.h"
#include "luna/store/database.h"
#include "wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 100 };

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

static struct luna_database *open_session(struct luna_database_breaker *shared, int timeout_ms)
{
    struct luna_error err;
    char url[80];
    snprintf(url, sizeof url, "postgresql://x@127.0.0.1:%d/x", port_of(mute));
    struct luna_database *database = NULL;
    assert_int_equal(luna_database_new(url, timeout_ms, &database, &err), LUNA_OK);
    luna_database_share_breaker(database, shared);
    return database;
}

static int begin(void **state)
{
    (void)state;
    memset(&breaker, 0, sizeof breaker);
    mute = listen_mutely();
    other_mute = listen_mutely();
    one = open_session(&breaker, TIMEOUT_MS);
    other = open_session(&breaker, TIMEOUT_MS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    luna_database_free(one);
    luna_database_free(other);
    return close(mute) | close(other_mute);
}

static void assert_times_out(struct luna_database *database)
{
    struct luna_error err;
    int64_t began_ns = luna_clock_mono_ns();
    assert_int_equal(luna_database_ping(database, luna_deadline_in_ms(WAIT_MS), &err),
                     LUNA_ETIMEOUT);
    assert_in_range((luna_clock_mono_ns() - began_ns) / 1000000, TIMEOUT_MS - 1, WAIT_MS / 2);
}

/* Fails without a wait: what waits for this server times out. A process that was put aside until
 * the next probe was due probes instead. */
static void assert_refused(struct luna_database *database)
{
    struct luna_error err;
    long long until_ns = breaker.open_until_ns;
    enum luna_code code = luna_database_ping(database, luna_deadline_in_ms(WAIT_MS), &err);
    if (luna_clock_mono_ns() < until_ns)
        assert_int_equal(code, LUNA_EUNAVAILABLE);
}

static void every_session_waits_for_a_server_that_is_known_to_be_silent(void **state)
{
    (void)state;
    assert_times_out(one);
    assert_times_out(other);
    assert_refused(one);
    assert_refused(other);
}

static void nobody_or_everybody_probes_the_server(void **state)
{
    (void)state;
    assert_times_out(one);
    assert_times_out(other);
    for (int i = 0; i < 2; i++) {
        breaker.open_until_ns = luna_clock_mono_ns(); /* the next probe is due */
        assert_times_out(one);
        assert_refused(other);
    }
}

static void a_single_late_reply_opens_the_breaker(void **state)
{
    (void)state;
    assert_times_out(one);
    assert_int_equal(breaker.open_until_ns, 0);
}

static void a_session_without_a_breaker_fails_at_once(void **state)
{
    (void)state;
    struct luna_database *alone = open_session(NULL, TIMEOUT_MS);
    for (int i = 0; i < 3; i++)
        assert_times_out(alone);
    luna_database_free(alone);
}

static bool was_tried(int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

static struct luna_database *open_session_of_two_servers(int timeout_ms)
{
    struct luna_database *database = NULL;
    struct luna_error err;
    char url[120];
    snprintf(url, sizeof url, "postgresql://x@127.0.0.1:%d,127.0.0.1:%d/x", port_of(mute),
             port_of(other_mute));
    assert_int_equal(luna_database_new(url, timeout_ms, &database, &err), LUNA_OK);
    return database;
}

static void the_server_after_a_silent_one_is_never_tried(void **state)
{
    (void)state;
    struct luna_database *database = open_session_of_two_servers(TIMEOUT_MS);
    assert_times_out(database);
    assert_true(was_tried(mute));
    assert_true(was_tried(other_mute));
    luna_database_free(database);
}

/* As if another session had waited for so long. */
static void let_another_wait(int place, int ms)
{
    breaker.waiting_since_ns[place] = luna_clock_mono_ns() - ms * 1000000LL;
}

static void a_session_that_gives_way_waits_for_the_next_server(void **state)
{
    (void)state;
    struct luna_error err;
    struct luna_database *database = open_session_of_two_servers(10 * TIMEOUT_MS);
    luna_database_share_breaker(database, &breaker);
    breaker.waiters_max = 1;
    let_another_wait(7, 1);
    assert_int_equal(luna_database_ping(database, luna_deadline_in_ms(WAIT_MS), &err),
                     LUNA_ETIMEOUT);
    assert_true(was_tried(mute));
    assert_false(was_tried(other_mute));
    luna_database_free(database);
}

/* Refuses TLS, and sends an error message that does not end, slowly. */
static pid_t start_trickling(int listening)
{
    static const char message[] = "NE\0\0\x70";
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int fd = accept(listening, NULL, NULL);
    for (size_t i = 0; send(fd, i < sizeof message - 1 ? &message[i] : "x", 1, MSG_NOSIGNAL) == 1;
         i++)
        wait_ms(TIMEOUT_MS / 2);
    _exit(0);
}

/* A server that answers in many steps, each of them soon. */
static void a_session_is_patient_at_each_step(void **state)
{
    enum { LONG_TIMEOUT_MS = 40 * TIMEOUT_MS };
    (void)state;
    struct luna_error err;
    struct luna_database *database = open_session(&breaker, LONG_TIMEOUT_MS);
    breaker.waiters_max = 1;
    pid_t pid = start_trickling(mute);
    let_another_wait(7, 1);
    int64_t began_ns = luna_clock_mono_ns();
    enum luna_code code = luna_database_ping(database, luna_deadline_in_ms(WAIT_MS), &err);
    int64_t took_ms = (luna_clock_mono_ns() - began_ns) / 1000000;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    luna_database_free(database);
    assert_int_equal(code, LUNA_ETIMEOUT);
    assert_in_range(took_ms, LONG_TIMEOUT_MS / 4 - 1, LONG_TIMEOUT_MS * 3 / 4);
}

static int64_t ping_ms(enum luna_code *ret_code)
{
    struct luna_error err;
    int64_t began_ns = luna_clock_mono_ns();
    *ret_code = luna_database_ping(one, luna_deadline_in_ms(WAIT_MS), &err);
    return (luna_clock_mono_ns() - began_ns) / 1000000;
}

static void all_sessions_wait_for_a_slow_server(void **state)
{
    (void)state;
    enum luna_code code;
    breaker.waiters_max = 2;
    let_another_wait(0, 1);
    let_another_wait(7, TIMEOUT_MS);
    int64_t took_ms = ping_ms(&code);
    assert_int_equal(code, LUNA_ETIMEOUT);
    assert_in_range(took_ms, TIMEOUT_MS / 4 - 1, WAIT_MS / 2);
    assert_int_equal(breaker.failures, 0); /* it gave way before its own timeout */
    let_another_wait(0, TIMEOUT_MS);
    let_another_wait(7, TIMEOUT_MS);
    (void)ping_ms(&code);
    assert_int_equal(code, LUNA_EUNAVAILABLE);
}

static void a_killed_session_is_waited_for(void **state)
{
    (void)state;
    breaker.waiters_max = 1;
    let_another_wait(0, 3 * TIMEOUT_MS);
    assert_times_out(one);
    assert_int_equal(breaker.failures, 1);
}

static void a_place_is_not_given_back(void **state)
{
    (void)state;
    breaker.waiters_max = 1;
    assert_times_out(one);
    breaker.open_until_ns = luna_clock_mono_ns() + 60 * 1000000000LL;
    assert_refused(other);
    for (int i = 0; i < LUNA_DATABASE_WAITERS; i++)
        assert_int_equal(breaker.waiting_since_ns[i], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(every_session_waits_for_a_server_that_is_known_to_be_silent),
        TEST(nobody_or_everybody_probes_the_server),
        TEST(a_single_late_reply_opens_the_breaker),
        TEST(the_server_after_a_silent_one_is_never_tried),
        TEST(a_session_without_a_breaker_fails_at_once),
        TEST(all_sessions_wait_for_a_slow_server),
        TEST(a_session_that_gives_way_waits_for_the_next_server),
        TEST(a_session_is_patient_at_each_step),
        TEST(a_killed_session_is_waited_for),
        TEST(a_place_is_not_given_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
