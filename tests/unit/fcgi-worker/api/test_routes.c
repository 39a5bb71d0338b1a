/* The table of the API's routes: its names, and the phases of its steps. */
#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void numbers_name_routes_and_nothing_else(void **state)
{
    (void)state;
    for (int i = 0; i < (int)api_routes.count; i++)
        assert_string_equal(route_name(i), api_routes.routes[i].name);
    assert_string_equal(route_name(-1), "none");
    assert_string_equal(route_name((int)api_routes.count), "none");
}

/* Two of a name would be one line in the metrics. */
static void no_two_routes_share_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_routes.count; i++)
        for (size_t k = i + 1; k < api_routes.count; k++)
            assert_string_not_equal(api_routes.routes[i].name, api_routes.routes[k].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_name_routes_and_nothing_else),
        cmocka_unit_test(no_two_routes_share_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
