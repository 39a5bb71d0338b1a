#include "syncd_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_required(void **state)
{
    (void)state;
    setenv("LUNA_DATABASE_URL", "postgresql://luna_syncd@127.0.0.1/luna", 1);
    setenv("LUNA_REDIS_URL", "redis://127.0.0.1", 1);
    setenv("LUNA_STATE_DIR", "/nowhere", 1);
    unsetenv("LUNA_ENV_FILE");
    unsetenv("LUNA_SYNC_INTERVAL_MS");
    return 0;
}

static void each_required_variable_is_named_when_missing(void **state)
{
    (void)state;
    static const char *const names[] = {"LUNA_DATABASE_URL", "LUNA_REDIS_URL", "LUNA_STATE_DIR"};
    for (size_t i = 0; i < 3; i++) {
        struct syncd_config config;
        struct luna_error err;
        set_required(NULL);
        unsetenv(names[i]);
        assert_int_equal(syncd_config_load(&config, &err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, names[i]));
    }
}

static void an_interval_out_of_range_is_refused_with_the_range(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "9", "3600001", "1s", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct syncd_config config;
        struct luna_error err;
        setenv("LUNA_SYNC_INTERVAL_MS", wrong[i], 1);
        assert_int_equal(syncd_config_load(&config, &err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, "LUNA_SYNC_INTERVAL_MS"));
        assert_non_null(strstr(err.msg, "3600000"));
    }
}

static void the_settings_file_fills_in_and_the_environment_wins(void **state)
{
    (void)state;
    char path[] = "/tmp/test_syncd_config.XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "LUNA_SYNC_INTERVAL_MS=250\nLUNA_STATE_DIR=/from/the/file\n";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    setenv("LUNA_ENV_FILE", path, 1);
    struct syncd_config config;
    struct luna_error err;
    assert_int_equal(syncd_config_load(&config, &err), LUNA_OK);
    assert_int_equal(config.interval_ms, 250);
    assert_string_equal(config.state_dir, "/nowhere");
    syncd_config_done(&config);
    unlink(path);
    assert_int_equal(syncd_config_load(&config, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, path));
}

static void a_reload_takes_what_may_change_and_nothing_else(void **state)
{
    (void)state;
    struct syncd_config config, fresh;
    char restart[64];
    struct luna_error err;
    assert_int_equal(syncd_config_load(&config, &err), LUNA_OK);
    setenv("LUNA_SYNC_INTERVAL_MS", "77", 1);
    setenv("LUNA_STATE_DIR", "/elsewhere", 1);
    setenv("LUNA_REDIS_URL", "redis://:new@127.0.0.1", 1);
    assert_int_equal(syncd_config_reload(&config, &fresh, restart, sizeof restart, &err), LUNA_OK);
    assert_int_equal(fresh.interval_ms, 77);
    assert_string_equal(fresh.redis_url, "redis://:new@127.0.0.1");
    assert_string_equal(fresh.state_dir, "/nowhere");
    assert_string_equal(restart, "LUNA_STATE_DIR");
    syncd_config_done(&fresh);
    syncd_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_required_variable_is_named_when_missing, set_required),
        cmocka_unit_test_setup(an_interval_out_of_range_is_refused_with_the_range, set_required),
        cmocka_unit_test_setup(the_settings_file_fills_in_and_the_environment_wins, set_required),
        cmocka_unit_test_setup(a_reload_takes_what_may_change_and_nothing_else, set_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
