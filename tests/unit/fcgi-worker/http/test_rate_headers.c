/* The limits' headers: the examples of draft-ietf-httpapi-ratelimit-headers, and nothing false
 * at the edges. */
#include "http/rate_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct http_response response;

static const char *headers_of(const struct luna_admission *admission)
{
    luna_buf_clear(&response.headers);
    rate_headers_add(&response, admission);
    luna_buf_putc(&response.headers, '\0');
    return response.headers.data;
}

static int set_up(void **state)
{
    (void)state;
    luna_buf_init(&response.headers, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    luna_buf_done(&response.headers);
    return 0;
}

static struct luna_admission monthly(void)
{
    return (struct luna_admission){.quota_limit = 100000,
                                   .quota_remaining = 99871,
                                   .quota_reset_s = 86400,
                                   .quota_period = LUNA_PERIOD_MONTH,
                                   .rate_burst = 50,
                                   .rate_remaining = 49,
                                   .rate_reset_s = 1,
                                   .rate_per_s = 50};
}

static void monthly_quota_reads_as_in_the_draft(void **state)
{
    struct luna_admission admission = monthly();
    const char *text = headers_of(&admission);
    (void)state;
    assert_non_null(strstr(text, "RateLimit-Policy: \"monthly\";q=100000, \"burst\";q=50;w=1\r\n"));
    assert_non_null(strstr(text, "RateLimit: \"monthly\";r=99871;t=86400, \"burst\";r=49;t=1\r\n"));
}

static void quota_without_a_period_promises_no_reset(void **state)
{
    struct luna_admission admission = monthly();
    admission.quota_period = LUNA_PERIOD_NONE;
    const char *text = headers_of(&admission);
    (void)state;
    assert_non_null(strstr(text, "\"quota\";r=99871, "));
    assert_null(strstr(text, "X-RateLimit-Reset"));
}

static void overdrawn_quota_shows_zero(void **state)
{
    struct luna_admission admission = monthly();
    admission.quota_remaining = -3;
    admission.rate_remaining = -1;
    const char *text = headers_of(&admission);
    (void)state;
    assert_non_null(strstr(text, "RateLimit: \"monthly\";r=0;"));
    assert_null(strstr(text, "=-"));
}

static void the_budget_of_processor_time_is_not_said(void **state)
{
    struct luna_admission admission = monthly();
    (void)state;
    assert_null(strstr(headers_of(&admission), "compute"));
    admission.compute_ms_per_s = 1500;
    admission.compute_burst_ms = 90000;
    admission.compute_remaining_ms = 89250;
    admission.compute_reset_s = 1;
    const char *text = headers_of(&admission);
    assert_non_null(
        strstr(text, "\"burst\";q=50;w=1, \"compute\";q=90000;qu=\"cpu-ms\";w=60\r\nRateLimit: "));
    assert_non_null(strstr(text, "\"burst\";r=49;t=1, \"compute\";r=89250;t=1\r\n"));
    admission.compute_remaining_ms = -20; /* in debt */
    assert_non_null(strstr(headers_of(&admission), "\"compute\";r=0;t=1\r\n"));
}

static void no_rate_is_no_division_by_zero(void **state)
{
    struct luna_admission admission = monthly();
    admission.rate_per_s = 0;
    (void)state;
    assert_non_null(strstr(headers_of(&admission), "\"burst\";q=50\r\n"));
}

static void retry_after_is_never_too_early_nor_zero(void **state)
{
    static const struct {
        int64_t ms;
        const char *header;
    } cases[] = {{0, "Retry-After: 1\r\n"},
                 {-5, "Retry-After: 1\r\n"},
                 {1000, "Retry-After: 1\r\n"},
                 {1001, "Retry-After: 2\r\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        luna_buf_clear(&response.headers);
        retry_after_add(&response, cases[i].ms);
        luna_buf_putc(&response.headers, '\0');
        assert_string_equal(response.headers.data, cases[i].header);
    }
}

static const char *retry_of(const struct luna_admission *admission, bool is_charged)
{
    luna_buf_clear(&response.headers);
    rate_headers_retry_add(&response, admission, is_charged);
    luna_buf_putc(&response.headers, '\0');
    return response.headers.data;
}

static void a_retry_is_announced_for_too_early_or_where_it_cannot_help(void **state)
{
    struct luna_admission admission = monthly();
    (void)state;
    admission.outcome = LUNA_ADMIT_RATE_LIMITED;
    admission.rate_remaining = 0;
    admission.retry_after_ms = 400;
    admission.rate_reset_s = 3;
    assert_string_equal(retry_of(&admission, true), "Retry-After: 3\r\n");
    admission.quota_remaining = 0;
    assert_string_equal(retry_of(&admission, true), "Retry-After: 86400\r\n");
    assert_string_equal(retry_of(&admission, false), "Retry-After: 3\r\n");
    admission.quota_period = LUNA_PERIOD_NONE;
    assert_string_equal(retry_of(&admission, true), "");
    admission.outcome = LUNA_ADMIT_QUOTA_EXHAUSTED;
    admission.quota_remaining = 2; /* fewer than the request costs */
    assert_string_equal(retry_of(&admission, true), "");
    admission = monthly();
    admission.outcome = LUNA_ADMIT_COMPUTE_LIMITED;
    admission.retry_after_ms = 1500;
    admission.compute_ms_per_s = 100;
    admission.compute_remaining_ms = -1;
    admission.compute_reset_s = 7;
    assert_string_equal(retry_of(&admission, true), "Retry-After: 7\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monthly_quota_reads_as_in_the_draft),
        cmocka_unit_test(quota_without_a_period_promises_no_reset),
        cmocka_unit_test(overdrawn_quota_shows_zero),
        cmocka_unit_test(the_budget_of_processor_time_is_not_said),
        cmocka_unit_test(no_rate_is_no_division_by_zero),
        cmocka_unit_test(retry_after_is_never_too_early_nor_zero),
        cmocka_unit_test(a_retry_is_announced_for_too_early_or_where_it_cannot_help),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
