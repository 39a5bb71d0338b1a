/* Settings: wrong ones are named, a file fills what the environment leaves open. */
#include "shared/worker_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *override_name;
static const char *override_value;
static char file_path[64];

static const char *environment(const char *name)
{
    static const char *const settings[][2] = {
        {"LUNA_WORKER_SOCKET", "/run/w.sock"},
        {"LUNA_STATE_DIR", "/var/lib/luna"},
        {"LUNA_REDIS_URL", "redis://127.0.0.1:1"},
        {"LUNA_DATABASE_URL", "dbname=luna"},
        {"LUNA_KEY_PEPPER", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}};
    if (override_name != NULL && strcmp(name, override_name) == 0)
        return override_value;
    if (strcmp(name, "LUNA_ENV_FILE") == 0 && file_path[0] != '\0')
        return file_path;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(name, settings[i][0]) == 0)
            return settings[i][1];
    return NULL;
}

static enum luna_code load_with(const char *name, const char *value,
                                struct worker_config *ret_config, struct luna_error *err)
{
    override_name = name;
    override_value = value;
    return worker_config_load(environment, ret_config, err);
}

static void defaults_load(void **state)
{
    struct worker_config config;
    struct luna_error err;
    (void)state;
    assert_int_equal(load_with(NULL, NULL, &config, &err), LUNA_OK);
    assert_int_equal(config.pepper_len, 32);
    assert_int_equal(config.pepper[1], 0x11);
    assert_int_equal(config.body_bytes_max, 32 << 20);
    assert_int_equal(worker_config_pool_max(&config), 4);
    worker_config_done(&config);
}

static void wrong_values_are_named_and_secrets_are_not_shown(void **state)
{
    static const char *const wrong[][2] = {
        {"LUNA_KEY_PEPPER", "sesame"},
        {"LUNA_KEY_PEPPER", "zz112233445566778899aabbccddeeff00112233445566778899aabbccddee"},
        {"LUNA_KEY_PEPPER", "0"},
        {"LUNA_WORKERS", "0"},
        {"LUNA_WORKERS", "128"},
        {"LUNA_POOL_MODE", "elastic"},
        {"LUNA_WORKERS_MIN", "17"},
        {"LUNA_STATE_DIR", ""},
        {"LUNA_JOURNAL_SLOT_FIRST", "250"},
        {"LUNA_JOURNAL_SLOT_COUNT", "8"},
        {"LUNA_SANDBOX", "on"},
        {"LUNA_BACKLOG", "1e3"},
        {"LUNA_WORKER_SOCKET", ""},
        {"LUNA_WORKER_LISTEN", "127.0.0.1:9000"},
        {"LUNA_WORKER_PEERS", "nginx"}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct worker_config config;
        struct luna_error err;
        assert_int_equal(load_with(wrong[i][0], wrong[i][1], &config, &err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, wrong[i][0]));
        assert_null(strstr(err.msg, "sesame"));
    }
}

static void file_fills_what_the_environment_leaves_open(void **state)
{
    struct worker_config config;
    struct luna_error err;
    (void)state;
    (void)snprintf(file_path, sizeof file_path, "/tmp/luna-config-XXXXXX");
    int fd = mkstemp(file_path);
    static const char text[] = "LUNA_WORKERS=7\nLUNA_STATE_DIR=/elsewhere\n";
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(load_with(NULL, NULL, &config, &err), LUNA_OK);
    assert_int_equal(config.workers, 7);
    assert_string_equal(config.state_dir, "/var/lib/luna");
    worker_config_done(&config);
    unlink(file_path);
    assert_int_equal(load_with(NULL, NULL, &config, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, file_path));
    file_path[0] = '\0';
}

static void queue_wait_never_exceeds_the_budget(void **state)
{
    struct worker_config config;
    struct luna_error err;
    (void)state;
    assert_int_equal(load_with("LUNA_REQUEST_TIMEOUT_MS", "500", &config, &err), LUNA_OK);
    assert_int_equal(config.queue_wait_max_ms, 500);
    worker_config_done(&config);
}

static const char *over_tcp(const char *name)
{
    if (strcmp(name, "LUNA_WORKER_LISTEN") == 0)
        return "127.0.0.1:9000";
    return strcmp(name, "LUNA_WORKER_SOCKET") == 0 ? NULL : environment(name);
}

static const char *tcp_address, *tcp_is_private;

static const char *over_network(const char *name)
{
    if (strcmp(name, "LUNA_WORKER_LISTEN") == 0)
        return tcp_address;
    if (strcmp(name, "LUNA_WORKER_NETWORK_PRIVATE") == 0)
        return tcp_is_private;
    if (strcmp(name, "LUNA_WORKER_PEERS") == 0)
        return "10.1.2.1";
    return environment(name); /* a path of a socket too, as the unit of every pool names one */
}

static void requests_cross_a_network_in_clear_unnoticed(void **state)
{
    static const char *const addresses[] = {"127.0.0.1:9000", "127.1.2.3:9000", "[::1]:9000",
                                            "10.1.2.11:9000", "0.0.0.0:9000",   "[::]:9000",
                                            "128.0.0.1:9000", "[fd00::1]:9000"};
    struct worker_config config;
    struct luna_error err;
    (void)state;
    override_name = NULL;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        tcp_address = addresses[i];
        tcp_is_private = NULL;
        enum luna_code code = worker_config_load(over_network, &config, &err);
        assert_int_equal(code, i < 3 ? LUNA_OK : LUNA_ECONFIG);
        if (code == LUNA_OK)
            worker_config_done(&config);
        else
            assert_non_null(strstr(err.msg, "LUNA_WORKER_NETWORK_PRIVATE"));
        tcp_is_private = "on";
        assert_int_equal(worker_config_load(over_network, &config, &err), LUNA_OK);
        worker_config_done(&config);
    }
}

static void tcp_without_networks_is_refused(void **state)
{
    struct worker_config config;
    struct luna_error err;
    (void)state;
    override_name = NULL;
    assert_int_equal(worker_config_load(over_tcp, &config, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_WORKER_PEERS"));
    override_name = "LUNA_WORKER_PEERS";
    override_value = "10.1.2.0/24";
    assert_int_equal(worker_config_load(over_tcp, &config, &err), LUNA_OK);
    worker_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_load),
        cmocka_unit_test(wrong_values_are_named_and_secrets_are_not_shown),
        cmocka_unit_test(file_fills_what_the_environment_leaves_open),
        cmocka_unit_test(queue_wait_never_exceeds_the_budget),
        cmocka_unit_test(tcp_without_networks_is_refused),
        cmocka_unit_test(requests_cross_a_network_in_clear_unnoticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
