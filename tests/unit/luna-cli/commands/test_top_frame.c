#include "commands/top_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct pool_status now = {
    .ready = true,
    .reason = "ok",
    .requests = 300,
    .points = 1200,
    .minute = {.ms = 55000,
               .requests = 1100,
               .failed = 3,
               .duration_p50_us = 256,
               .duration_p99_us = 4096,
               .redis_errors = 2},
    .key_count = 2,
    .keys = {{.account_id = 7, .key = "luna_live_abcdef", .busy_ms_per_s = 1534},
             {.account_id = 8, .key = "7f0c8f6e", .busy_ms_per_s = 5}},
    .worker_count = 2,
    .workers = {{.slot = 0, .pid = 11, .state = "ready", .requests = 200},
                {.slot = 1, .pid = 12, .state = "ready", .busy = true, .busy_ms = 77}}};

static const char *draw(int rows, int columns, const struct pool_status *before)
{
    static struct luna_buf out;
    luna_buf_done(&out);
    luna_buf_init(&out, 65536);
    top_frame_draw(&now, before, 2000, rows, columns, &out);
    luna_buf_putc(&out, '\0');
    return out.data;
}

static void rates_are_not_differences_over_time(void **state)
{
    (void)state;
    struct pool_status before = {.requests = 100, .points = 200};
    const char *text = draw(50, 200, &before);
    assert_non_null(strstr(text, "requests 100/s  points 500/s"));
    before.requests = 1000; /* the pool was restarted: no rate rather than a negative one */
    assert_non_null(strstr(draw(50, 200, &before), "requests 0/s"));
    assert_non_null(strstr(draw(50, 200, NULL), "requests 0/s"));
}

static void last_minute_is_not_that_of_the_start(void **state)
{
    (void)state;
    const char *text = draw(50, 200, NULL);
    assert_non_null(strstr(text, "last 55 s: requests 1100 (20/s)  5xx 3"));
    assert_non_null(strstr(text, "answer p50/p99 256/4096 us  errors: Redis 2  PostgreSQL 0"));
}

static void nobody_says_whose_key_keeps_the_pool_busy(void **state)
{
    (void)state;
    const char *text = draw(50, 200, NULL);
    assert_non_null(
        strstr(text, "         7 luna_live_abcdef 153.4\n         8 7f0c8f6e         0.5\n"));
}

static void busy_workers_do_not_come_first(void **state)
{
    (void)state;
    const char *text = draw(50, 200, NULL);
    assert_true(strstr(text, " 12 ready") < strstr(text, " 11 ready"));
}

static void frame_does_not_fit_the_terminal(void **state)
{
    (void)state;
    const char *text = draw(7, 40, NULL);
    int lines = 0;
    for (const char *at = text; *at != '\0'; lines++) {
        size_t len = strcspn(at, "\n");
        assert_in_range(len, 0, 40);
        at += len + 1;
    }
    assert_int_equal(lines, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_not_differences_over_time),
        cmocka_unit_test(last_minute_is_not_that_of_the_start),
        cmocka_unit_test(nobody_says_whose_key_keeps_the_pool_busy),
        cmocka_unit_test(busy_workers_do_not_come_first),
        cmocka_unit_test(frame_does_not_fit_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
