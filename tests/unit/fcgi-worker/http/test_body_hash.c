#include "http/body_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NILE = 1, OTHER = 2 };

static const unsigned char pepper[32] = {1, 2, 3}, other_pepper[32] = {1, 2, 4};

static void take(const unsigned char *of, int route, const char *body,
                 unsigned char *ret_fingerprint)
{
    struct body_fingerprint_key key;
    body_fingerprint_key_make(of, sizeof pepper, &key);
    body_fingerprint(&key,
                     &(struct body_identity){.route = route,
                                             .query = "",
                                             .content_type = "",
                                             .content_encoding = "",
                                             .body = body,
                                             .body_len = strlen(body)},
                     ret_fingerprint);
}

/* Bodies of 240 bytes and less go another way through XXH3 than longer ones. */
static void two_bodies_have_one_fingerprint(void **state)
{
    static const size_t lengths[] = {1, 16, 17, 128, 240, 241, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char one[BODY_FINGERPRINT_BYTES], same[BODY_FINGERPRINT_BYTES],
            other[BODY_FINGERPRINT_BYTES];
        char body[5001] = {0};
        memset(body, '7', lengths[i]);
        take(pepper, NILE, body, one);
        take(pepper, NILE, body, same);
        body[lengths[i] / 2] = '8';
        take(pepper, NILE, body, other);
        assert_memory_equal(one, same, sizeof one);
        assert_memory_not_equal(one, other, sizeof one);
    }
}

static void the_route_or_the_pepper_does_not_count(void **state)
{
    unsigned char one[BODY_FINGERPRINT_BYTES], elsewhere[BODY_FINGERPRINT_BYTES],
        unkeyed[BODY_FINGERPRINT_BYTES];
    (void)state;
    take(pepper, NILE, "{\"results\":[1120]}", one);
    take(pepper, OTHER, "{\"results\":[1120]}", elsewhere);
    take(other_pepper, NILE, "{\"results\":[1120]}", unkeyed);
    assert_memory_not_equal(one, elsewhere, sizeof one);
    assert_memory_not_equal(one, unkeyed, sizeof one);
}

/* One unit bought six different models of one body: the query did not count. */
static void what_determines_the_answer_does_not_count(void **state)
{
    static const struct body_identity requests[] = {
        {1, 42, 0, 0, "", "", "", "1\n2\n", 4},
        {2, 42, 0, 0, "", "", "", "1\n2\n", 4},
        {1, 43, 0, 0, "", "", "", "1\n2\n", 4},
        {1, 42, 7, 0, "", "", "", "1\n2\n", 4},
        {1, 42, 0, 1, "", "", "", "1\n2\n", 4},
        {1, 42, 0, 0, "model=local_trend", "", "", "1\n2\n", 4},
        {1, 42, 0, 0, "", "model=local_trend", "", "1\n2\n", 4},
        {1, 42, 0, 0, "", "", "model=local_trend", "1\n2\n", 4},
        {1, 42, 0, 0, "", "text/csv", "", "1\n2\n", 4},
        {1, 42, 0, 0, "", "text/csv; header=present", "", "1\n2\n", 4},
        {1, 42, 0, 0, "gzip", "", "", "1\n2\n", 4},
        {1, 42, 0, 0, "g", "zip", "", "1\n2\n", 4},
        {1, 42, 0, 0, "g", "z", "ip", "1\n2\n", 4},
        {1, 42, 0, 0, "", "", "", "1\n3\n", 4}};
    enum { COUNT = sizeof requests / sizeof requests[0] };
    unsigned char prints[COUNT][BODY_FINGERPRINT_BYTES], hashes[COUNT][BODY_HASH_BYTES];
    struct body_fingerprint_key key;
    (void)state;
    body_fingerprint_key_make(pepper, sizeof pepper, &key);
    for (size_t i = 0; i < COUNT; i++) {
        body_fingerprint(&key, &requests[i], prints[i]);
        body_hash_make(&requests[i], hashes[i]);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(prints[i], prints[k], BODY_FINGERPRINT_BYTES);
            assert_memory_not_equal(hashes[i], hashes[k], BODY_HASH_BYTES);
        }
    }
}

/* A setting of 256 digits is 128 bytes, more than a BLAKE2b key may have. */
static void a_long_pepper_makes_no_key(void **state)
{
    unsigned char longest[128] = {1, 2, 3};
    struct body_fingerprint_key one, again, other;
    (void)state;
    memset(&one, 0, sizeof one);
    memset(&again, 0xff, sizeof again);
    body_fingerprint_key_make(longest, sizeof longest, &one);
    body_fingerprint_key_make(longest, sizeof longest, &again);
    assert_memory_equal(one.bytes, again.bytes, sizeof one.bytes);
    longest[sizeof longest - 1] = 1;
    body_fingerprint_key_make(longest, sizeof longest, &other);
    assert_memory_not_equal(one.bytes, other.bytes, sizeof one.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bodies_have_one_fingerprint),
        cmocka_unit_test(the_route_or_the_pepper_does_not_count),
        cmocka_unit_test(what_determines_the_answer_does_not_count),
        cmocka_unit_test(a_long_pepper_makes_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
