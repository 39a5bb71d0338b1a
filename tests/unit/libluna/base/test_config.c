#include "luna/base/config.h"

#include "failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct settings {
    char *socket;
    char *pepper;
    char *note;
    int64_t timeout_ms;
    bool trace;
    int format;
};

static const char *const formats[] = {"json", "text", NULL};

static const struct luna_setting table[] = {
    {"LUNA_SOCKET", LUNA_SETTING_STRING, LUNA_SETTING_REQUIRED, offsetof(struct settings, socket),
     NULL, 0, 0, NULL, "path of the unix socket"},
    {"LUNA_PEPPER", LUNA_SETTING_STRING, LUNA_SETTING_REQUIRED | LUNA_SETTING_SECRET,
     offsetof(struct settings, pepper), NULL, 0, 0, NULL, "secret that keys are digested with"},
    {"LUNA_NOTE", LUNA_SETTING_STRING, 0, offsetof(struct settings, note), NULL, 0, 0, NULL,
     "any text"},
    {"LUNA_REDIS_TIMEOUT_MS", LUNA_SETTING_INT, LUNA_SETTING_RELOADABLE,
     offsetof(struct settings, timeout_ms), "250", 1, 60000, NULL, "deadline of one round trip"},
    {"LUNA_TRACE", LUNA_SETTING_BOOL, 0, offsetof(struct settings, trace), "off", 0, 0, NULL,
     "whether to trace"},
    {"LUNA_LOG_FORMAT", LUNA_SETTING_ENUM, 0, offsetof(struct settings, format), "json", 0, 0,
     formats, "shape of the log lines"},
    {NULL, LUNA_SETTING_STRING, 0, 0, NULL, 0, 0, NULL, NULL},
};

/* The environment of a test: name, value pairs. */
static const char *env[16][2];

static void env_set(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof env / sizeof env[0]; i++) {
        if (env[i][0] == NULL || strcmp(env[i][0], name) == 0) {
            env[i][0] = name;
            env[i][1] = value;
            return;
        }
    }
}

static const char *env_get(const char *name)
{
    for (size_t i = 0; i < sizeof env / sizeof env[0] && env[i][0] != NULL; i++) {
        if (strcmp(env[i][0], name) == 0)
            return env[i][1];
    }
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    memset(env, 0, sizeof env);
    env_set("LUNA_SOCKET", "/run/luna.sock");
    env_set("LUNA_PEPPER", "hush-hush");
    return 0;
}

static void refused(const char *name, const char *value, const char *expected)
{
    struct settings s;
    struct luna_error err;
    set_up(NULL);
    env_set(name, value);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_string_equal(err.msg, expected);
    assert_null(s.socket);
    assert_null(s.pepper);
}

static void defaults_and_values_arrive(void **state)
{
    (void)state;
    struct settings s;
    struct luna_error err;
    env_set("LUNA_TRACE", "Yes");
    env_set("LUNA_LOG_FORMAT", "text");
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_OK);
    assert_string_equal(s.socket, "/run/luna.sock");
    assert_string_equal(s.pepper, "hush-hush");
    assert_null(s.note);
    assert_int_equal(s.timeout_ms, 250);
    assert_true(s.trace);
    assert_int_equal(s.format, 1);
    luna_config_done(table, &s);
    assert_null(s.socket);
}

static void an_error_does_not_name_the_variable(void **state)
{
    (void)state;
    refused("LUNA_SOCKET", NULL, "LUNA_SOCKET is not set; expected: path of the unix socket");
    refused("LUNA_SOCKET", "", "LUNA_SOCKET is not set; expected: path of the unix socket");
    refused("LUNA_PEPPER", NULL,
            "LUNA_PEPPER is not set, nor is the same name with _FILE; expected: "
            "secret that "
            "keys are "
            "digested with");
    static const char *const bad_ints[] = {
        "abc", "12x", "0", "60001", "-1", " 5", "+5", "1e3", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad_ints / sizeof bad_ints[0]; i++) {
        char expected[200];
        snprintf(expected, sizeof expected,
                 "LUNA_REDIS_TIMEOUT_MS is \"%s\"; expected an integer from 1 to 60000",
                 bad_ints[i]);
        refused("LUNA_REDIS_TIMEOUT_MS", bad_ints[i], expected);
    }
    refused("LUNA_TRACE", "maybe", "LUNA_TRACE is \"maybe\"; expected on or off");
    refused("LUNA_LOG_FORMAT", "xml", "LUNA_LOG_FORMAT is \"xml\"; expected one of: json, text");
}

/* A file with this content; the caller unlinks it. */
static void write_file(char path[32], const char *content, size_t len)
{
    strcpy(path, "/tmp/luna-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), (ssize_t)len);
    close(fd);
}

static void a_secret_file_is_misread(void **state)
{
    (void)state;
    struct settings s;
    struct luna_error err;
    char path[32];
    write_file(path, "from the file\r\n", 15);
    env_set("LUNA_PEPPER", NULL);
    env_set("LUNA_PEPPER_FILE", path);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_OK);
    assert_string_equal(s.pepper, "from the file");
    luna_config_done(table, &s);
    unlink(path);
}

static void a_bad_secret_file_is_taken(void **state)
{
    (void)state;
    char path[32], expected[200];
    write_file(path, "a\0b\n", 4);
    struct settings s;
    struct luna_error err;
    env_set("LUNA_PEPPER_FILE", path);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_string_equal(err.msg, "LUNA_PEPPER and LUNA_PEPPER_FILE are both set; keep one of them");
    env_set("LUNA_PEPPER", NULL);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    snprintf(expected, sizeof expected,
             "LUNA_PEPPER_FILE names %s, which is empty or contains a NUL byte", path);
    assert_string_equal(err.msg, expected);
    unlink(path);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    snprintf(expected, sizeof expected,
             "LUNA_PEPPER_FILE names %s, which cannot be opened: No such file or directory", path);
    assert_string_equal(err.msg, expected);
    env_set("LUNA_PEPPER_FILE", "/");
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_string_equal(err.msg, "LUNA_PEPPER_FILE names /, which cannot be read: Is a directory");
}

static void a_secret_that_others_read_is_taken(void **state)
{
    (void)state;
    char path[32];
    struct settings s;
    struct luna_error err;
    write_file(path, "secret", 6);
    assert_int_equal(chmod(path, 0644), 0);
    env_set("LUNA_PEPPER", NULL);
    env_set("LUNA_PEPPER_FILE", path);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "which other users may read (mode 0644): chmod "));
    assert_int_equal(chmod(path, 0400), 0);
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_OK);
    luna_config_done(table, &s);
    unlink(path);
}

static void a_settings_file_with_a_secret_that_others_read_is_taken(void **state)
{
    (void)state;
    static const char with[] = "LUNA_PEPPER=secret\n", without[] = "LUNA_SOCKET=/tmp/s\n";
    char path[32], other[32];
    struct settings s;
    struct luna_error err;
    write_file(path, with, sizeof with - 1);
    write_file(other, without, sizeof without - 1);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(other, 0644), 0);
    env_set("LUNA_PEPPER", NULL);
    env_set("LUNA_ENV_FILE", path);
    assert_int_equal(luna_config_load_with_file(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_PEPPER is in /tmp/luna-config-"));
    env_set("LUNA_PEPPER", "from the environment");
    assert_int_equal(luna_config_load_with_file(table, env_get, &s, &err), LUNA_OK);
    luna_config_done(table, &s);
    env_set("LUNA_ENV_FILE", other); /* without a secret its mode does not matter */
    assert_int_equal(luna_config_load_with_file(table, env_get, &s, &err), LUNA_OK);
    luna_config_done(table, &s);
    unlink(path);
    unlink(other);
}

static void an_endless_secret_file_is_swallowed(void **state)
{
    (void)state;
    struct settings s;
    struct luna_error err;
    env_set("LUNA_PEPPER", NULL);
    env_set("LUNA_PEPPER_FILE", "/dev/zero");
    assert_int_equal(luna_config_load(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_string_equal(err.msg,
                        "LUNA_PEPPER_FILE names /dev/zero, which is longer than 65536 bytes");
}

static void a_failing_allocation_leaks_or_loses_its_reason(void **state)
{
    (void)state;
    char path[32];
    write_file(path, "secret", 6);
    env_set("LUNA_PEPPER", NULL);
    env_set("LUNA_PEPPER_FILE", path);
    env_set("LUNA_NOTE", "note");
    for (long n = 1;; n++) {
        struct settings s;
        struct luna_error err;
        failing_alloc_at(n);
        enum luna_code code = luna_config_load(table, env_get, &s, &err);
        bool fired = failing_alloc_fired();
        failing_alloc_at(0);
        assert_int_equal(code, fired ? LUNA_ENOMEM : LUNA_OK);
        luna_config_done(table, &s);
        if (!fired)
            break;
    }
    unlink(path);
}

static void an_empty_variable_hides_the_settings_file(void **state)
{
    (void)state;
    static const char text[] = "LUNA_SOCKET=/elsewhere\nLUNA_NOTE=from the "
                               "file\nLUNA_REDIS_TIMEOUT_MS=77\nLUNA_TRACE=on\n";
    struct settings s;
    struct luna_error err;
    char path[32];
    write_file(path, text, sizeof text - 1);
    env_set("LUNA_ENV_FILE", path);
    env_set("LUNA_NOTE", "");
    env_set("LUNA_TRACE", "off");
    assert_int_equal(luna_config_load_with_file(table, env_get, &s, &err), LUNA_OK);
    assert_string_equal(s.note, "from the file");
    assert_int_equal(s.timeout_ms, 77);
    assert_string_equal(s.socket, "/run/luna.sock");
    assert_false(s.trace);
    luna_config_done(table, &s);
    env_set("LUNA_ENV_FILE", "");
    assert_int_equal(luna_config_load_with_file(table, env_get, &s, &err), LUNA_OK);
    assert_int_equal(s.timeout_ms, 250);
    luna_config_done(table, &s);
    unlink(path);
}

static void a_settings_file_that_is_not_there_is_passed_over(void **state)
{
    (void)state;
    struct settings s;
    struct luna_error err;
    env_set("LUNA_ENV_FILE", "/nonexistent/luna.env");
    assert_int_equal(luna_config_load_with_file(table, env_get, &s, &err), LUNA_ECONFIG);
    assert_string_equal(err.msg, "/nonexistent/luna.env: No such file or directory");
}

static void help_or_example_omits_a_setting(void **state)
{
    (void)state;
    struct luna_buf buf;
    luna_buf_init(&buf, 1 << 16);
    luna_config_help(table, &buf);
    luna_config_example(table, "prog", &buf);
    luna_buf_putc(&buf, '\0');
    assert_false(buf.overflow);
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++)
        assert_non_null(strstr(buf.data, setting->name));
    assert_non_null(strstr(buf.data, "integer from 1 to 60000; default: 250; reloaded on SIGHUP"));
    assert_non_null(strstr(buf.data, "\nLUNA_SOCKET=\n"));
    assert_non_null(strstr(buf.data, "\n#LUNA_REDIS_TIMEOUT_MS=250\n"));
    assert_non_null(strstr(buf.data, "json or text; default: `json`"));
    assert_non_null(strstr(buf.data, "secret: LUNA_PEPPER_FILE can name a file instead"));
    luna_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_and_values_arrive, set_up),
        cmocka_unit_test_setup(an_error_does_not_name_the_variable, set_up),
        cmocka_unit_test_setup(a_secret_file_is_misread, set_up),
        cmocka_unit_test_setup(a_bad_secret_file_is_taken, set_up),
        cmocka_unit_test_setup(a_secret_that_others_read_is_taken, set_up),
        cmocka_unit_test_setup(a_settings_file_with_a_secret_that_others_read_is_taken, set_up),
        cmocka_unit_test_setup(an_endless_secret_file_is_swallowed, set_up),
        cmocka_unit_test_setup(a_failing_allocation_leaks_or_loses_its_reason, set_up),
        cmocka_unit_test_setup(an_empty_variable_hides_the_settings_file, set_up),
        cmocka_unit_test_setup(a_settings_file_that_is_not_there_is_passed_over, set_up),
        cmocka_unit_test_setup(help_or_example_omits_a_setting, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
