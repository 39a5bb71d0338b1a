/* Addresses, key names, API keys: what is parsed from text. */
#include "client/digest.h"
#include "client/redis_url.h"
#include "quota/config_keys.h"
#include "quota/key.h"
#include "quota/network.h"
#include "quota/period.h"
#include "quota/quota_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_redis_addresses_are_taken_apart(void **state)
{
    struct luna_redis_address a;
    struct luna_error err;
    (void)state;
    assert_int_equal(luna_redis_url_parse("redis://127.0.0.1:6390/3", &a, &err), LUNA_OK);
    assert_string_equal(a.host, "127.0.0.1");
    assert_int_equal(a.port, 6390);
    assert_int_equal(a.db, 3);
    assert_int_equal(luna_redis_url_parse("redis://:p%40ss%2Fw@[::1]", &a, &err), LUNA_OK);
    assert_string_equal(a.host, "::1");
    assert_string_equal(a.password, "p@ss/w");
    assert_int_equal(a.port, 6379);
    assert_int_equal(luna_redis_url_parse("redis://luna:secret@db", &a, &err), LUNA_OK);
    assert_string_equal(a.user, "luna");
    assert_string_equal(a.password, "secret");
    assert_int_equal(luna_redis_url_parse("unix:///run/s?user=luna%3Dw&password=p", &a, &err),
                     LUNA_OK);
    assert_string_equal(a.user, "luna=w");
    assert_int_equal(luna_redis_url_parse("unix:///run/redis.sock?db=2&password=p", &a, &err),
                     LUNA_OK);
    assert_string_equal(a.user, "");
    assert_string_equal(a.path, "/run/redis.sock");
    assert_string_equal(a.host, "");
    assert_int_equal(a.db, 2);
    assert_string_equal(a.password, "p");
}

static void test_a_wrong_redis_address_is_refused_without_its_password(void **state)
{
    static const char *const wrong[] = {"",
                                        "localhost:6379",
                                        "redis://",
                                        "redis://:hunter2@",
                                        "redis://h:0x1",
                                        "redis://h:70000",
                                        "redis://h/db",
                                        "redis://[::1",
                                        "unix://rel",
                                        "unix:///s?x=1",
                                        "redis://:%zz@h",
                                        "redis://h:"};
    struct luna_redis_address a;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct luna_error err = {.code = LUNA_OK};
        if (luna_redis_url_parse(wrong[i], &a, &err) != LUNA_ECONFIG)
            fail_msg("taken: %s", wrong[i]);
        assert_null(strstr(err.msg, "hunter2"));
    }
}

static void test_key_names_are_the_ones_that_are_documented(void **state)
{
    struct luna_quota_keys keys;
    int64_t id = 0;
    (void)state;
    luna_quota_keys_make(42, "abc", &keys);
    assert_string_equal(keys.quota, "user:42:quota");
    assert_string_equal(keys.m, "{user:42:quota}:m");
    assert_string_equal(keys.delta, "{user:42:quota}:delta");
    assert_string_equal(keys.idempotency, "{user:42:quota}:i:abc");
    assert_true(luna_quota_keys_parse("user:42:quota", &id));
    assert_int_equal(id, 42);
    static const char *const foreign[] = {
        "user:0:quota",          "user:-1:quota", "user:42", "user:42:quotax", "x",
        "user:99999999999:quota"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_false(luna_quota_keys_parse(foreign[i], &id));
}

static void test_an_unknown_period_is_taken_for_no_period(void **state)
{
    enum luna_period period = LUNA_PERIOD_DAY;
    struct luna_error err = {.code = LUNA_OK};
    (void)state;
    assert_int_equal(luna_period_read("week", &period, &err), LUNA_EPROTOCOL);
    assert_int_equal(period, LUNA_PERIOD_DAY);
    assert_non_null(strstr(err.msg, "\"week\""));
    for (int i = LUNA_PERIOD_NONE; i <= LUNA_PERIOD_MONTH; i++) {
        assert_int_equal(luna_period_read(luna_period_kind((enum luna_period)i), &period, &err),
                         LUNA_OK);
        assert_int_equal(period, i);
    }
}

static void test_only_random_uuids_are_keys(void **state)
{
    static const unsigned char pepper_bytes[32] = "p";
    struct luna_digest_key pepper;
    luna_digest_key_make(pepper_bytes, sizeof pepper_bytes, &pepper);
    static const char *const wrong[] = {
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8" /* version 1: can be guessed */,
        "0190163d-8694-739b-aea5-966c26f8ad91" /* 7 */,
        "919108f7-52d1-8320-9bac-f847db4148a8" /* 8: a digest */,
        "00000000-0000-0000-0000-000000000000",
        "919108f7-52d1-4320-cbac-f847db4148a8" /* variant */,
        "919108f752d143209bacf847db4148a8",
        "919108f7-52d1-4320-9bac-f847db4148ag"};
    struct luna_key_digest digest, again;
    struct luna_key_text key;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(luna_key_digest(wrong[i], strlen(wrong[i]), &pepper, &digest));
    assert_false(luna_key_digest("919108f7-52d1-4320-9bac-f847db4148a8x", 37, &pepper, &digest));
    assert_true(luna_key_digest("919108F7-52D1-4320-9BAC-F847DB4148A8", 36, &pepper, &digest));
    assert_true(luna_key_digest("919108f7-52d1-4320-9bac-f847db4148a8", 36, &pepper, &again));
    assert_string_equal(digest.text, again.text);
    assert_int_equal(digest.text[14], '8');
    luna_key_generate(&key);
    assert_true(luna_key_digest(key.text, strlen(key.text), &pepper, &digest));
}

static void flip(char *at)
{
    *at = *at == 'a' ? 'b' : 'a';
}

static void test_a_key_with_a_wrong_character_is_accepted(void **state)
{
    struct luna_digest_key pepper;
    struct luna_key_text key;
    struct luna_key_digest digest, other;
    char prefix[LUNA_KEY_PREFIX_BYTES];
    (void)state;
    luna_digest_key_make((const unsigned char *)"0123456789abcdef0123456789abcdef", 32, &pepper);
    luna_key_generate(&key);
    assert_int_equal(strlen(key.text), 43);
    assert_int_equal(strspn(key.text + 10, "abcdefghijklmnopqrstuvwxyz234567"), 33);
    luna_key_prefix(&key, prefix);
    assert_int_equal(strlen(prefix), 16);
    assert_memory_equal(prefix, key.text, 16);
    assert_true(luna_key_digest(key.text, 43, &pepper, &digest));
    assert_int_equal(digest.text[14], '8');
    for (int i = 0; i < 43; i++) {
        struct luna_key_text wrong = key;
        flip(&wrong.text[i]);
        assert_false(luna_key_digest(wrong.text, 43, &pepper, &other));
    }
    assert_false(luna_key_digest(key.text, 42, &pepper, &other));
    luna_key_generate(&key);
    assert_true(luna_key_digest(key.text, 43, &pepper, &other));
    assert_string_not_equal(digest.text, other.text);
}

/* Made by Python: zlib.crc32, hmac, base64.b32encode. A change would refuse every key there is. */
static void test_a_key_has_another_checksum_or_digest_than_before(void **state)
{
    struct luna_digest_key pepper;
    struct luna_key_digest digest;
    static const char key[] = "luna_live_q3k7mzp2vxa4hcw6jtyd5rbeund2cjevs";
    unsigned char bytes[32];
    (void)state;
    memset(bytes, 0x0b, sizeof bytes);
    luna_digest_key_make(bytes, sizeof bytes, &pepper);
    assert_true(luna_key_digest(key, sizeof key - 1, &pepper, &digest));
    assert_string_equal(digest.text, "89fce3e5-ed64-87ca-bd5c-792ee04ebdcf");
}

static void test_a_seed_makes_one_key_under_one_pepper(void **state)
{
    static const unsigned char first[32] = {1}, other[32] = {2};
    struct luna_key_seed seed = {.text = "retry", .text_len = 5, .request_hash = first};
    struct luna_digest_key pepper, another;
    struct luna_key_text keys[5];
    struct luna_key_digest digest;
    (void)state;
    luna_digest_key_make((const unsigned char *)"0123456789abcdef0123456789abcdef", 32, &pepper);
    luna_digest_key_make((const unsigned char *)"0123456789abcdef0123456789abcdeF", 32, &another);
    luna_key_derive(&seed, &pepper, &keys[0]);
    luna_key_derive(&seed, &pepper, &keys[1]);
    luna_key_derive(&seed, &another, &keys[2]);
    seed.request_hash = other;
    luna_key_derive(&seed, &pepper, &keys[3]);
    seed.text_len = 4;
    luna_key_derive(&seed, &pepper, &keys[4]);
    assert_string_equal(keys[0].text, keys[1].text);
    for (int i = 1; i < 5; i++)
        for (int j = i + 1; j < 5; j++)
            assert_string_not_equal(keys[i].text, keys[j].text);
    assert_true(luna_key_digest(keys[0].text, strlen(keys[0].text), &pepper, &digest));
}

/* HMAC-SHA-256 of the sixteen bytes, by Python's hmac module; version and variant bits set
 * afterwards. */
static void test_the_digest_is_hmac_sha256(void **state)
{
    unsigned char pepper_bytes[32];
    struct luna_digest_key pepper;
    struct luna_key_digest digest;
    (void)state;
    memset(pepper_bytes, 0x0b, sizeof pepper_bytes);
    luna_digest_key_make(pepper_bytes, sizeof pepper_bytes, &pepper);
    assert_true(luna_key_digest("919108f7-52d1-4320-9bac-f847db4148a8", 36, &pepper, &digest));
    assert_string_equal(digest.text, "59e94d7c-2eb0-892f-acf6-9c326354c9ad");
}

static void test_an_address_is_taken_for_another(void **state)
{
    static const char *const wrong[] = {
        "",       "10.0.0.1/8",  "10.0.0.0/33", "10.0.0.0/",      "10.0.0/8",   "::ffff:10.0.0.1",
        "::/129", "10.0.0.0/08", "0.0.0.0/a",   "2001:db8::1/64", "fe80::1%lo", "localhost",
        "-",      "10.0.0.0/8 ", " ::",         "10.0.0.0/-1"};
    char digits[LUNA_ADDRESS_BYTES];
    (void)state;
    luna_network_address("192.0.2.1", digits);
    assert_string_equal(digits, "4c0000201");
    luna_network_address("::ffff:192.0.2.1", digits);
    assert_string_equal(digits, "4c0000201");
    luna_network_address("2001:db8::1", digits);
    assert_string_equal(digits, "620010db8000000000000000000000001");
    luna_network_address("unix:", digits);
    assert_string_equal(digits, "");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (luna_network_valid(wrong[i]))
            fail_msg("accepted: %s", wrong[i]);
    assert_true(luna_network_valid("0.0.0.0/0") && luna_network_valid("::/0"));
    assert_true(luna_network_valid("10.1.2.3") && luna_network_valid("fe80::1/128"));
}

static void test_a_config_row_of_keys_is_taken_apart_or_refused(void **state)
{
    struct luna_config_keys keys;
    char many[16384] = "";
    (void)state;
    assert_true(luna_config_keys_parse("919108f7-52d1-8320-9bac-f847db4148a8 7 0 "
                                       "0,019108f7-52d1-8320-9bac-f847db4148a8 1 5 1780000000000",
                                       &keys));
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.text.data + keys.field_at[1],
                        "k:019108f7-52d1-8320-9bac-f847db4148a8");
    assert_string_equal(keys.text.data + keys.value_at[1], "1 5 1780000000000");
    luna_config_keys_done(&keys);
    assert_true(luna_config_keys_parse("919108f7-52d1-8320-9bac-f847db4148a8 7 0 0 0 5 10 "
                                       "192.0.2.0/26;2001:db8::/32,"
                                       "019108f7-52d1-8320-9bac-f847db4148a8 1 0 0 0 5 10 -",
                                       &keys));
    assert_string_equal(keys.text.data + keys.value_at[0], "7 0 0 0 5 10 4c00002[0123];620010db8");
    assert_string_equal(keys.text.data + keys.value_at[1], "1 0 0 0 5 10 -");
    luna_config_keys_done(&keys);
    assert_false(
        luna_config_keys_parse("919108f7-52d1-8320-9bac-f847db4148a8 7 0 0 0 5 10 x", &keys));
    luna_config_keys_done(&keys);
    assert_true(luna_config_keys_parse("", &keys));
    assert_int_equal(keys.count, 0);
    assert_false(luna_config_keys_parse("rubbish", &keys));
    luna_config_keys_done(&keys);
    size_t len = 0;
    for (int i = 0; i < LUNA_CONFIG_KEYS_MAX + 1; i++)
        len += (size_t)snprintf(many + len, sizeof many - len,
                                "%s919108f7-52d1-8320-9bac-f847db4148a8 7 0 0", i == 0 ? "" : ",");
    assert_false(luna_config_keys_parse(many, &keys));
    luna_config_keys_done(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redis_addresses_are_taken_apart),
        cmocka_unit_test(test_a_wrong_redis_address_is_refused_without_its_password),
        cmocka_unit_test(test_key_names_are_the_ones_that_are_documented),
        cmocka_unit_test(test_an_unknown_period_is_taken_for_no_period),
        cmocka_unit_test(test_only_random_uuids_are_keys),
        cmocka_unit_test(test_the_digest_is_hmac_sha256),
        cmocka_unit_test(test_a_seed_makes_one_key_under_one_pepper),
        cmocka_unit_test(test_an_address_is_taken_for_another),
        cmocka_unit_test(test_a_key_with_a_wrong_character_is_accepted),
        cmocka_unit_test(test_a_key_has_another_checksum_or_digest_than_before),
        cmocka_unit_test(test_a_config_row_of_keys_is_taken_apart_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
