#include "http/etag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void other_bytes_have_another_tag_and_the_same_the_same(void **state)
{
    char one[ETAG_BYTES], same[ETAG_BYTES], other[ETAG_BYTES];
    (void)state;
    etag_make("{\"used\":1}", 10, one);
    etag_make("{\"used\":1}", 10, same);
    etag_make("{\"used\":2}", 10, other);
    assert_string_equal(one, same);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), ETAG_BYTES - 1);
    assert_true(one[0] == '"' && one[ETAG_BYTES - 2] == '"');
}

/* RFC 9110 §13.1.2: a list, compared weakly, or a star. */
static void a_tag_is_found_where_the_rfc_allows_it(void **state)
{
    static const char *const found[] = {
        "\"a\"", "W/\"a\"", "\"x\", \"a\"",           "\"x\",W/\"a\" , \"y\"",
        "*",     " \"a\"",  "\"with , comma\", \"a\""};
    static const char *const lost[] = {"",        "a",       "\"b\"", "\"aa\"", "\"a",    "W/a",
                                       "\"x\" a", "w/\"a\"", "**",    "\"A\"",  "\"a*\"", "'a'"};
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++)
        assert_true(etag_matches(found[i], "\"a\""));
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++)
        assert_false(etag_matches(lost[i], "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_bytes_have_another_tag_and_the_same_the_same),
        cmocka_unit_test(a_tag_is_found_where_the_rfc_allows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
