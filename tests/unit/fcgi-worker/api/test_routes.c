/* The table of the API's routes: its names, and the phases of its steps. */
#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
        cmocka_unit_test(no_two_routes_share_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
