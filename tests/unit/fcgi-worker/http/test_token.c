#include "http/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    const char *token;
    bool valid;
} cases[] = {
#include "token_cases.inc"
};

static const char two_keys[] =
    "k1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f,"
    "k2:"
    "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192"
    "93";
static const unsigned char pepper[32] = {1, 2, 3};

static void keys_init(const char *text, struct token_keys *keys)
{
    struct luna_error err = {0};
    if (token_keys_parse(text, keys, &err) != LUNA_OK ||
        token_keys_derive(keys, 1, pepper, sizeof pepper, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
}

static void only_a_sound_token_of_ours_is_believed(void **state)
{
    (void)state;
    struct token_keys keys;
    keys_init(two_keys, &keys);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct token_claims claims = {0};
        bool valid = token_verify(&keys, cases[i].token, 1500, &claims);
        if (valid != cases[i].valid)
            fail_msg("%s: taken for %s", cases[i].name, valid ? "valid" : "invalid");
        assert_int_equal(claims.account_id, valid ? 7 : 0);
    }
}

static void what_is_issued_is_what_is_read(void **state)
{
    (void)state;
    struct token_keys keys;
    struct luna_error err = {0};
    char text[TOKEN_BYTES_MAX];
    const struct token_claims sent = {.account_id = 2147483647,
                                      .key_digest = "0b5c0c0e-0000-8000-8000-00000000002a",
                                      .scopes = 5,
                                      .issued_s = 1790000000,
                                      .expires_s = 1790000900};
    keys_init(two_keys, &keys);
    assert_int_equal(token_issue(&keys, &sent, text, sizeof text, &err), LUNA_OK);
    struct token_claims got;
    assert_true(token_verify(&keys, text, 1790000000, &got));
    assert_int_equal(got.account_id, sent.account_id);
    assert_int_equal(got.scopes, sent.scopes);
    assert_int_equal(got.expires_s, sent.expires_s);
    assert_string_equal(got.key_digest, sent.key_digest);
    assert_false(token_verify(&keys, text, 1790000900, &got));
}

static void a_token_outlives_the_rotation_of_its_signing_key(void **state)
{
    (void)state;
    struct token_keys before, during, after;
    struct luna_error err = {0};
    char text[TOKEN_BYTES_MAX];
    const struct token_claims sent = {.account_id = 1,
                                      .key_digest = "0b5c0c0e-0000-8000-8000-00000000002a",
                                      .scopes = 1,
                                      .issued_s = 1000,
                                      .expires_s = 1900};
    const char *k2 = strchr(two_keys, ',') + 1;
    keys_init(k2, &before);
    keys_init(two_keys, &during);
    char k1[sizeof two_keys];
    (void)snprintf(k1, sizeof k1, "%.*s", (int)(k2 - two_keys - 1), two_keys);
    keys_init(k1, &after);
    assert_int_equal(token_issue(&before, &sent, text, sizeof text, &err), LUNA_OK);
    struct token_claims got;
    assert_true(token_verify(&during, text, 1500, &got));
    assert_false(token_verify(&after, text, 1500, &got));
}

static void without_keys_the_pepper_gives_one_and_another_pepper_another(void **state)
{
    (void)state;
    struct token_keys ours, theirs;
    struct luna_error err = {0};
    char text[TOKEN_BYTES_MAX];
    const unsigned char other[32] = {9};
    const struct token_claims sent = {.account_id = 1,
                                      .key_digest = "0b5c0c0e-0000-8000-8000-00000000002a",
                                      .scopes = 1,
                                      .issued_s = 1000,
                                      .expires_s = 1900};
    keys_init(NULL, &ours);
    assert_int_equal(token_keys_parse("", &theirs, &err), LUNA_OK);
    assert_int_equal(token_keys_derive(&theirs, 1, other, sizeof other, &err), LUNA_OK);
    assert_int_equal(token_issue(&ours, &sent, text, sizeof text, &err), LUNA_OK);
    struct token_claims got;
    assert_true(token_verify(&ours, text, 1500, &got));
    assert_false(token_verify(&theirs, text, 1500, &got));
}

static void wrong_lists_of_keys_are_refused_with_their_number(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "k1",
        "k1:",
        ":00",
        "k1:0011",
        "seventeen-letters:00",
        "k1:zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
    struct token_keys keys;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct luna_error err = {0};
        assert_int_equal(token_keys_parse(wrong[i], &keys, &err), LUNA_ECONFIG);
        assert_non_null(strstr(err.msg, "LUNA_TOKEN_KEYS: key number 1"));
    }
}

static void a_token_that_does_not_fit_is_not_cut(void **state)
{
    (void)state;
    struct token_keys keys;
    struct luna_error err = {0};
    char text[100] = "untouched";
    const struct token_claims sent = {
        .account_id = 1, .scopes = 1, .issued_s = 1000, .expires_s = 1900};
    keys_init(NULL, &keys);
    assert_int_equal(token_issue(&keys, &sent, text, sizeof text, &err), LUNA_ELIMIT);
    assert_string_equal(text, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_sound_token_of_ours_is_believed),
        cmocka_unit_test(what_is_issued_is_what_is_read),
        cmocka_unit_test(a_token_outlives_the_rotation_of_its_signing_key),
        cmocka_unit_test(without_keys_the_pepper_gives_one_and_another_pepper_another),
        cmocka_unit_test(wrong_lists_of_keys_are_refused_with_their_number),
        cmocka_unit_test(a_token_that_does_not_fit_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
