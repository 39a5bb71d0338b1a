#include "metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

enum { PAGE_BYTES_MAX = 64 * 1024 };

static void prometheus_lines_have_help_type_and_value(void **state)
{
    (void)state;
    struct syncd_metrics metrics = {.units_booked_total = 9007199254740993,
                                    .conservation_total_broken = 2};
    struct luna_buf page;
    luna_buf_init(&page, PAGE_BYTES_MAX);
    metrics_put_prometheus(&metrics, &page);
    luna_buf_putc(&page, '\0');
    assert_false(page.overflow);
    assert_non_null(strstr(page.data, "# TYPE luna_syncd_units_booked_total counter\n"
                                      "luna_syncd_units_booked_total 9007199254740993\n"));
    assert_non_null(strstr(page.data, "# TYPE luna_syncd_conservation_total_broken gauge\n"
                                      "luna_syncd_conservation_total_broken 2\n"));
    luna_buf_done(&page);
}

/* JSON keeps milliseconds; Prometheus has seconds, exact to the millisecond. */
static void times_are_seconds_for_prometheus(void **state)
{
    (void)state;
    struct syncd_metrics metrics = {.last_round_age_ms = 61007, .clock_redis_offset_ms = -1050};
    struct luna_buf page;
    luna_buf_init(&page, PAGE_BYTES_MAX);
    metrics_put_prometheus(&metrics, &page);
    luna_buf_putc(&page, '\0');
    assert_non_null(strstr(page.data, "# TYPE luna_syncd_last_round_age_seconds gauge\n"
                                      "luna_syncd_last_round_age_seconds 61.007\n"));
    assert_non_null(strstr(page.data, "\nluna_syncd_clock_redis_offset_seconds -1.050\n"));
    assert_null(strstr(page.data, "_ms "));
    luna_buf_done(&page);
}

/* Prometheus reads a sample whose name ends in _total as a counter, and warns of a counter that
 * does not. */
static void names_and_kinds_agree(void **state)
{
    (void)state;
#define X(member, kind, help)                                                                      \
    {                                                                                              \
        size_t len = strlen(#member);                                                              \
        int is_total = len > 6 && strcmp(#member + len - 6, "_total") == 0;                        \
        assert_int_equal(is_total, strcmp(#kind, "counter") == 0);                                 \
    }
    SYNCD_METRIC_TABLE(X)
#undef X
}

static void json_has_every_metric(void **state)
{
    (void)state;
    struct syncd_metrics metrics = {.incarnation = 7};
    struct luna_buf page;
    luna_buf_init(&page, PAGE_BYTES_MAX);
    metrics_put_json(&metrics, &page);
    luna_buf_putc(&page, '\0');
#define X(member, kind, help) assert_non_null(strstr(page.data, "\"" #member "\": "));
    SYNCD_METRIC_TABLE(X)
#undef X
    assert_non_null(strstr(page.data, "\"incarnation\": 7"));
    luna_buf_done(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prometheus_lines_have_help_type_and_value),
        cmocka_unit_test(times_are_seconds_for_prometheus),
        cmocka_unit_test(names_and_kinds_agree),
        cmocka_unit_test(json_has_every_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
