/* Keys and tokens where a log would show them. */
#include "http/credential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define KEY "bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e77"

static void assert_free(size_t expected, const char *path)
{
    assert_int_equal(credential_free_len(path, strlen(path), 256), expected);
}

static void a_path_is_logged_up_to_its_end_or_with_its_key(void **state)
{
    (void)state;
    assert_free(0, "");
    assert_free(20, "/api/v1/1/keys/1/abc");
    assert_free(15, "/api/v1/1/keys/" KEY "/rotate");
    assert_free(1, "/luna_live_abcdefghijklmnopqrstuvwxyz2345672");
    assert_free(1, "/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.x");
    assert_int_equal(credential_free_len("/keys/" KEY, strlen("/keys/" KEY), 8), 6);
    assert_int_equal(credential_free_len("/keys/" KEY, strlen("/keys/" KEY), 4), 4);
}

static void a_key_under_another_name_is_not_seen(void **state)
{
    static const char *const texts[] = {KEY, "BDF0C2A1-5E2B-4F52-9B1C-2F6A3F1F8E77", "try-" KEY,
                                        "00-bdf0c2a15e2b4f529b1c2f6a3f1f8e77-00f067aa0ba902b7-01",
                                        "bdf0c2a1-5e2b"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(credential_shown(texts[i], KEY, ""));
        assert_true(credential_shown(texts[i], "", "Bearer  " KEY));
        assert_true(credential_shown(texts[i], "", KEY));
    }
}

static void a_name_without_the_key_is_refused(void **state)
{
    char long_key[4096];
    (void)state;
    memset(long_key, 'b', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    assert_false(credential_shown(KEY, "", ""));
    assert_false(credential_shown("", KEY, "Bearer " KEY));
    assert_false(credential_shown("bdf0c2a1-5e2b-4f52-9b1c-2f6a3f1f8e78", KEY, ""));
    assert_false(credential_shown("bdf-0c2", KEY, "")); /* as any short name might be */
    assert_false(credential_shown("order-2024.17_b", "order", "Bearer "));
    assert_false(credential_shown("bbbbbbbb", long_key, long_key)); /* no credential */
}

static void a_key_within_a_text_is_not_seen(void **state)
{
    (void)state;
    assert_true(credential_key_in("luna_live_abcdefghijklmnopqrstuvwxyz2345672"));
    assert_true(credential_key_in("luna_live_ my luna_live_abcdefghijklmnopqrstuvwxyz2345672."));
    assert_false(credential_key_in("luna_live_abcdef")); /* as lists show it */
    assert_false(credential_key_in(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_logged_up_to_its_end_or_with_its_key),
        cmocka_unit_test(a_key_under_another_name_is_not_seen),
        cmocka_unit_test(a_name_without_the_key_is_refused),
        cmocka_unit_test(a_key_within_a_text_is_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
