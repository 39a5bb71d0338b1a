/* The table of the API's routes: its names, and the phases of its steps. */
#include "api/routes.h"

#include "luna/store/admission.h"

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

static bool has_step_in(const struct route *route, enum phase phase)
{
    for (const struct step *step = route->steps; step->run != NULL; step++)
        if (step->phase == phase)
            return true;
    return false;
}

/* Else the scaler would count a wait for PostgreSQL as computing, and a hang there would be blamed
 * on the body. */
static void only_routes_that_run_a_model_are_in_its_phase(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_routes.count; i++) {
        const struct route *route = &api_routes.routes[i];
        bool models = route->scope == LUNA_SCOPE_MODEL;
        bool computes_only = strcmp(route->name, "token") == 0;
        assert_int_equal(has_step_in(route, PHASE_MODEL), models);
        assert_int_equal(has_step_in(route, PHASE_STORE), !models && !computes_only);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_routes_share_a_name),
        cmocka_unit_test(only_routes_that_run_a_model_are_in_its_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
