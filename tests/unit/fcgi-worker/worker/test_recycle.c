/* Recycling: each limit ends a worker, and workers that started together do not end together. */
#include "worker/recycle.h"

#include "luna/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void jitter_is_a_tenth_either_way(void **state)
{
    (void)state;
    assert_int_equal(recycle_jitter(1000, 0), 900);
    assert_in_range(recycle_jitter(1000, UINT32_MAX), 1099, 1100);
    assert_in_range(recycle_jitter(1000, UINT32_MAX / 2), 999, 1000);
}

static void requests_end_a_worker_exactly_at_its_number(void **state)
{
    struct recycle recycle = {.requests_max = 3};
    (void)state;
    for (int i = 0; i < 2; i++) {
        recycle_count(&recycle);
        assert_false(recycle_check(&recycle));
    }
    recycle_count(&recycle);
    assert_true(recycle_check(&recycle));
    assert_string_equal(recycle_reason(&recycle), "requests");
}

static void age_ends_a_worker(void **state)
{
    struct recycle recycle = {.retire_ns = luna_clock_mono_ns() - 1};
    (void)state;
    assert_true(recycle_check(&recycle));
    assert_string_equal(recycle_reason(&recycle), "age");
}

static void memory_ends_a_worker(void **state)
{
    struct recycle recycle = {.memory_bytes_max = 1, .requests = 16};
    (void)state;
    assert_true(recycle_check(&recycle));
    assert_string_equal(recycle_reason(&recycle), "memory");
}

static void zero_means_no_limit(void **state)
{
    struct worker_config config = {0};
    struct recycle recycle;
    (void)state;
    recycle_init(&recycle, &config);
    for (int i = 0; i < 100; i++) {
        recycle_count(&recycle);
        assert_false(recycle_check(&recycle));
    }
}

static void one_request_is_at_least_served(void **state)
{
    struct worker_config config = {.requests_max = 1};
    struct recycle recycle;
    (void)state;
    recycle_init(&recycle, &config);
    assert_int_equal(recycle.requests_max, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jitter_is_a_tenth_either_way),
        cmocka_unit_test(requests_end_a_worker_exactly_at_its_number),
        cmocka_unit_test(age_ends_a_worker),
        cmocka_unit_test(memory_ends_a_worker),
        cmocka_unit_test(zero_means_no_limit),
        cmocka_unit_test(one_request_is_at_least_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
