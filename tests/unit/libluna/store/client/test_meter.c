/* The meter: what a store did is counted under the right purpose and kind, and shown so that
 * Prometheus can read it. */
#include "luna/store/meter.h"

#include "luna/store/counters.h"
#include "luna/store/database.h"
#include "wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

enum { PAGE_BYTES_MAX = 256 * 1024, TIMEOUT_MS = 200 };

static struct luna_store_meter meter;
static struct luna_buf page;

static int begin(void **state)
{
    (void)state;
    memset(&meter, 0, sizeof meter);
    luna_buf_init(&page, PAGE_BYTES_MAX);
    return 0;
}

static int end(void **state)
{
    (void)state;
    luna_buf_done(&page);
    return 0;
}

static const char *shown(enum luna_meter_program program)
{
    luna_buf_clear(&page);
    luna_store_meter_put(&meter, program, &page);
    luna_buf_putc(&page, '\0');
    assert_false(page.overflow);
    return page.data;
}

static void assert_shown(enum luna_meter_program program, const char *line)
{
    if (strstr(shown(program), line) == NULL)
        fail_msg("\"%s\" is not in:\n%s", line, page.data);
}

static void a_time_falls_into_the_wrong_bucket(void **state)
{
    (void)state;
    luna_meter_time(&meter.redis, LUNA_PURPOSE_ADMIT, 100000); /* on the bound: below it */
    luna_meter_time(&meter.redis, LUNA_PURPOSE_ADMIT, 100001);
    luna_meter_time(&meter.redis, LUNA_PURPOSE_ADMIT, 7000000000);
    /* a sum never falls */
    luna_meter_time(&meter.redis, LUNA_PURPOSE_ADMIT, -5);
    assert_shown(
        LUNA_METER_WORKER,
        "luna_redis_request_duration_seconds_bucket{operation=\"admit\",le=\"0.0001\"} 2\n"
        "luna_redis_request_duration_seconds_bucket{operation=\"admit\",le=\"0.00025\"} 3\n");
    assert_shown(LUNA_METER_WORKER,
                 "luna_redis_request_duration_seconds_bucket{operation=\"admit\",le=\"5.0\"} 3\n"
                 "luna_redis_request_duration_seconds_bucket{operation=\"admit\",le=\"+Inf\"} 4\n"
                 "luna_redis_request_duration_seconds_count{operation=\"admit\"} 4\n"
                 "luna_redis_request_duration_seconds_sum{operation=\"admit\"} 7.000200001\n");
}

/* A series that is missing until its first error cannot trigger an alert: rate() of nothing is
 * nothing. */
static void a_series_appears_only_with_its_first_error(void **state)
{
    (void)state;
    assert_shown(LUNA_METER_WORKER, "luna_redis_errors_total{kind=\"timeout\"} 0\n"
                                    "luna_redis_errors_total{kind=\"connection\"} 0\n"
                                    "luna_redis_errors_total{kind=\"refused\"} 0\n"
                                    "luna_redis_errors_total{kind=\"fenced\"} 0\n");
    assert_shown(LUNA_METER_SYNCD, "luna_postgresql_errors_total{kind=\"timeout\"} 0\n"
                                   "luna_postgresql_errors_total{kind=\"connection\"} 0\n"
                                   "luna_postgresql_errors_total{kind=\"refused\"} 0\n# HELP");
    assert_shown(LUNA_METER_SYNCD,
                 "luna_postgresql_query_duration_seconds_count{operation=\"book\"} 0\n");
}

static void a_program_shows_rows_that_are_never_its_own(void **state)
{
    (void)state;
    assert_null(strstr(shown(LUNA_METER_WORKER), "operation=\"book\""));
    assert_null(strstr(shown(LUNA_METER_SYNCD), "operation=\"admit\""));
    assert_null(
        strstr(shown(LUNA_METER_WORKER), "query_duration_seconds_count{operation=\"admit\"}"));
}

static void the_sum_over_workers_loses_a_counter(void **state)
{
    (void)state;
    struct luna_store_meter total = {0};
    for (int i = 0; i < LUNA_PURPOSES; i++)
        luna_meter_time(&meter.postgresql, (enum luna_purpose)i, i + 1);
    luna_meter_error(&meter.redis, LUNA_METER_FENCED);
    luna_meter_connect(&meter.postgresql);
    luna_store_meter_add(&total, &meter);
    luna_store_meter_add(&total, &meter);
    for (int i = 0; i < LUNA_PURPOSES; i++) {
        assert_int_equal(total.postgresql.times[i].buckets[0], 2);
        assert_int_equal(total.postgresql.times[i].sum_ns, 2 * (i + 1));
    }
    assert_int_equal(total.redis.errors[LUNA_METER_FENCED], 2);
    assert_int_equal(total.postgresql.connects, 2);
}

/* A server for one connection that replies `answer` to anything, and then nothing. */
static pid_t start_server(const char *answer, int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    pid_t pid = fork();
    if (pid == 0) {
        char asked[512];
        int connection = accept(listener, NULL, NULL);
        if (read(connection, asked, sizeof asked) > 0 && answer != NULL)
            (void)!write(connection, answer, strlen(answer));
        if (answer == NULL || answer[0] != '\0')
            pause();
        _exit(0);
    }
    close(listener);
    return pid;
}

static void ask_redis(const char *answer)
{
    char url[64];
    struct luna_error err;
    struct luna_counters *counters = NULL;
    int port = 0;
    pid_t pid = start_server(answer, &port);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", port);
    int timeout_ms = answer == NULL ? TIMEOUT_MS : WAIT_MS;
    assert_int_equal(luna_counters_new(url, timeout_ms, &counters, &err), LUNA_OK);
    luna_counters_meter(counters, &meter, LUNA_PURPOSE_API);
    (void)!luna_counters_ping(counters, luna_deadline_in_ms(timeout_ms), &err);
    luna_counters_free(counters);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void assert_redis(int timeouts, int broken, int refused, int fenced)
{
    const int wanted[] = {timeouts, broken, refused, fenced};
    for (int i = 0; i < LUNA_METER_ERRORS; i++)
        assert_int_equal(meter.redis.errors[i], wanted[i]);
}

static void redis_trouble_is_counted_as_another_kind(void **state)
{
    (void)state;
    ask_redis("+PONG\r\n");
    assert_redis(0, 0, 0, 0);
    assert_int_equal(meter.redis.connects, 1);
    ask_redis(NULL);
    assert_redis(1, 0, 0, 0);
    ask_redis(""); /* it closes the connection */
    assert_redis(1, 1, 0, 0);
    ask_redis("-LOADING Redis is loading the dataset in memory\r\n");
    assert_redis(1, 1, 1, 0);
    ask_redis("-NOSCRIPT No matching script\r\n");
    assert_redis(1, 1, 1, 1);
}

/* Otherwise the slowest replies, those that never came, would be missing from the quantiles. */
static void a_failed_trip_has_no_duration(void **state)
{
    (void)state;
    ask_redis(NULL);
    const struct luna_meter_times *times = &meter.redis.times[LUNA_PURPOSE_PROBE];
    assert_in_range(times->sum_ns, (TIMEOUT_MS - 20) * 1000000L, WAIT_MS * 1000000L);
    ask_redis("+PONG\r\n");
    luna_buf_clear(&page);
    assert_shown(LUNA_METER_WORKER,
                 "luna_redis_request_duration_seconds_count{operation=\"probe\"} 2\n");
}

static void postgresql_that_is_away_is_not_counted(void **state)
{
    (void)state;
    struct luna_error err;
    struct luna_database *database = NULL;
    assert_int_equal(
        luna_database_new("host=127.0.0.1 port=1 dbname=none", TIMEOUT_MS, &database, &err),
        LUNA_OK);
    luna_database_meter(database, &meter, LUNA_PURPOSE_API);
    assert_int_equal(luna_database_ping(database, luna_deadline_in_ms(TIMEOUT_MS), &err),
                     LUNA_EUNAVAILABLE);
    luna_database_free(database);
    assert_int_equal(meter.postgresql.errors[LUNA_METER_CONNECTION], 1);
    assert_int_equal(meter.postgresql.connects, 0);
    assert_shown(LUNA_METER_WORKER,
                 "luna_postgresql_query_duration_seconds_count{operation=\"probe\"} 1\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {TEST(a_time_falls_into_the_wrong_bucket),
                                       TEST(a_series_appears_only_with_its_first_error),
                                       TEST(a_program_shows_rows_that_are_never_its_own),
                                       TEST(the_sum_over_workers_loses_a_counter),
                                       TEST(redis_trouble_is_counted_as_another_kind),
                                       TEST(a_failed_trip_has_no_duration),
                                       TEST(postgresql_that_is_away_is_not_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
