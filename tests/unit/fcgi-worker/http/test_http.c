/* Media types: what a client may write is understood, and nothing else is. */
#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void parameters_and_case_do_not_matter(void **state)
{
    (void)state;
    assert_true(http_media_named("application/json", "application/json"));
    assert_true(http_media_named("Application/JSON; charset=utf-8", "application/json"));
    assert_true(http_media_named("application/json ;charset=utf-8", "application/json"));
}

static void prefixes_and_neighbours_are_other_types(void **state)
{
    static const char *const others[] = {"",
                                         "application/jsonp",
                                         "application/jso",
                                         "text/json",
                                         "application/json2",
                                         "xapplication/json",
                                         "application",
                                         "*/*"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(http_media_named(others[i], "application/json"));
}

static void lists_are_searched(void **state)
{
    (void)state;
    assert_true(
        http_media_named("text/html, application/problem+json;q=0.5", "application/problem+json"));
    assert_true(http_media_named("text/html,application/problem+json", "application/problem+json"));
    assert_false(http_media_named("text/html, */*", "application/problem+json"));
}

static void weight_zero_takes_a_type_out(void **state)
{
    (void)state;
    assert_false(http_media_named("text/csv;q=0", "text/csv"));
    assert_false(http_media_named("text/csv; q=0.000", "text/csv"));
    assert_true(http_media_named("text/csv;q=0.001", "text/csv"));
    assert_true(http_media_named("text/csv;q=1", "text/csv"));
}

static void every_status_has_its_reason(void **state)
{
    (void)state;
    assert_string_equal(http_reason(422), "Unprocessable Content");
    assert_string_equal(http_reason(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_and_case_do_not_matter),
        cmocka_unit_test(prefixes_and_neighbours_are_other_types),
        cmocka_unit_test(lists_are_searched),
        cmocka_unit_test(weight_zero_takes_a_type_out),
        cmocka_unit_test(every_status_has_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
