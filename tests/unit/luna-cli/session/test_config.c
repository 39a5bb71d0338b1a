#include "session/cli_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void what_is_needed_and_missing_is_named_with_what_it_should_hold(void **state)
{
    (void)state;
    struct cli_config config;
    struct luna_error err;
    unsetenv("LUNA_DATABASE_URL");
    setenv("LUNA_REDIS_URL", "redis://127.0.0.1", 1);
    assert_int_equal(cli_config_load(&config, &err), LUNA_OK);
    assert_int_equal(cli_config_need(&config, "LUNA_DATABASE_URL", &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_DATABASE_URL is not set"));
    assert_non_null(strstr(err.msg, "postgresql://"));
    assert_int_equal(cli_config_need(&config, "LUNA_REDIS_URL", &err), LUNA_OK);
    cli_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_needed_and_missing_is_named_with_what_it_should_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
