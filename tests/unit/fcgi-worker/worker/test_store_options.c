/* The stores of a worker and of the self-test: what the settings say. */
#include "worker/store_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_self_test_judges_clocks_by_another_limit_than_the_settings(void **state)
{
    const struct worker_config config = {.clock_offset_max_ms = 540000, .journal_slot_count = 64};
    (void)state;
    const struct luna_admitter_options options =
        store_options_of(&config, worker_config_self_test_slot(&config));
    assert_int_equal(options.clock_offset_max_ms, 540000);
}

static void the_stores_are_reached_under_another_pepper_or_mode_than_the_settings(void **state)
{
    const struct worker_config config = {.key_pepper_id = 3,
                                         .durability = LUNA_DURABILITY_STRICT,
                                         .redis_timeout_ms = 150,
                                         .database_timeout_ms = 250};
    (void)state;
    const struct luna_admitter_options options = store_options_of(&config, 7);
    assert_ptr_equal(options.pepper, config.pepper);
    assert_ptr_equal(options.previous, &config.previous_pepper);
    assert_int_equal(options.pepper_id, 3);
    assert_int_equal(options.durability, LUNA_DURABILITY_STRICT);
    assert_int_equal(options.redis_timeout_ms, 150);
    assert_int_equal(options.database_timeout_ms, 250);
    assert_int_equal(options.worker_slot, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_self_test_judges_clocks_by_another_limit_than_the_settings),
        cmocka_unit_test(the_stores_are_reached_under_another_pepper_or_mode_than_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
