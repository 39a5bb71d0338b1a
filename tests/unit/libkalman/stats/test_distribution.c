/* Tail probabilities and quantiles against R 4.2.2 (pchisq, pf, qnorm). */
#include "stats/distribution.h"
#include "support.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void chi_squared_tails(void **state)
{
    static const double cases[][3] = {{8.84332302946956, 9, 4.5186090285229036e-01},
                                      {13.1953180386, 10, 2.1295550406881222e-01},
                                      {0.0468, 2, 9.7687165695034339e-01},
                                      {100, 10, 5.4497019829205302e-17},
                                      {0.01, 1, 9.2034432544594202e-01},
                                      {300, 200, 5.9245403354839159e-06},
                                      {1e-5, 50, 1},
                                      {180, 200, 8.4177901081356976e-01},
                                      {2000, 1000, 4.1436785914549906e-69}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_relative(chi_squared_upper(cases[i][0], cases[i][1]), cases[i][2], 2e-12);
    assert_true(chi_squared_upper(0, 3) == 1 && chi_squared_upper(INFINITY, 3) == 0);
    assert_true(isnan(chi_squared_upper(NAN, 3)));
}

static void f_tails(void **state)
{
    static const double cases[][4] = {{0.6129587104, 33, 33, 9.1749737564805467e-01},
                                      {1.5, 33, 33, 1.2467506043919030e-01},
                                      {3, 1, 1, 3.3333333333333326e-01},
                                      {0.01, 5, 200, 9.9997025450796517e-01},
                                      {12, 40, 3, 3.1265803192015079e-02},
                                      {50, 30, 30, 1.4565519964060585e-18}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_relative(f_upper(cases[i][0], cases[i][1], cases[i][2]), cases[i][3], 2e-12);
    assert_true(f_upper(0, 2, 3) == 1 && f_upper(INFINITY, 2, 3) == 0 && isnan(f_upper(NAN, 2, 3)));
}

static void normal_quantiles(void **state)
{
    static const double cases[][2] = {
        {0.975, 1.9599639845400536},    {0.5001, 2.5066283008800752e-04},
        {0.3, -5.2440051270804067e-01}, {0.01, -2.3263478740408408},
        {1e-10, -6.3613409024040557},   {1e-300, -3.7047096299361201e+01},
        {0.95, 1.6448536269514715},     {0.75, 6.7448975019608171e-01}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_relative(normal_quantile(cases[i][0]), cases[i][1], 1e-15);
        assert_relative(normal_lower(cases[i][1]), cases[i][0], 3e-13);
    }
    assert_true(isinf(normal_quantile(0)) && isinf(normal_quantile(1)));
    assert_true(isnan(normal_quantile(-0.1)) && isnan(normal_quantile(NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chi_squared_tails),
        cmocka_unit_test(f_tails),
        cmocka_unit_test(normal_quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
