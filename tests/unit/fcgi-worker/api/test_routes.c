/* Paths: what is not exactly a route is not found, and account ids are decimal, positive and 31
 * bits. */
#include "api/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum route_match find(const char *method, const char *path, int64_t *ret_id)
{
    const struct route *route = NULL;
    struct route_ids ids = {.account_id = *ret_id};
    enum route_match match = routes_find(method, path, strlen(path), &route, &ids);
    *ret_id = ids.account_id;
    return match;
}

static void strange_account_ids_are_not_found(void **state)
{
    static const char *const ids[] = {
        "0",          "-1",         "+1", "01",  "",
        "1%2e",       "1.",         "1 ", "0x1", "99999999999999999999",
        "2147483648", "4294967297", "1/", "/1",  "1e3",
        "٣",          "a",          "..", "1;2", "{account_id}"};
    char path[128];
    int64_t id = -7;
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        (void)snprintf(path, sizeof path, "/api/v1/%s/kalman", ids[i]);
        assert_int_equal(find("POST", path, &id), ROUTE_UNKNOWN);
        assert_int_equal(id, -7);
    }
}

static void account_ids_up_to_31_bits_are_found(void **state)
{
    int64_t id = 0;
    (void)state;
    assert_int_equal(find("POST", "/api/v1/1/kalman", &id), ROUTE_FOUND);
    assert_int_equal(id, 1);
    assert_int_equal(find("POST", "/api/v1/2147483647/kalman", &id), ROUTE_FOUND);
    assert_int_equal(id, INT32_MAX);
}

static void near_misses_are_not_found(void **state)
{
    static const char *const paths[] = {"",
                                        "/",

                                        "/api/v1/42/",
                                        "/api/v1/42/kalman/",
                                        "//api/v1/42/kalman",
                                        "/api/v1//kalman",
                                        "/api/v1/42/Kalman",
                                        "/api/v1/42/kalmanx",
                                        "/api/v2/42/kalman",
                                        "/api/v1/kalman",
                                        "/%61pi/v1/42/kalman"};
    int64_t id = 0;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(find("POST", paths[i], &id), ROUTE_UNKNOWN);
}

static void another_method_is_told_what_is_allowed(void **state)
{
    const struct route *route = NULL;
    struct route_ids ids = {0};
    char allow[64];
    static const char path[] = "/api/v1/42/kalman";
    (void)state;
    assert_int_equal(routes_find("GET", path, strlen(path), &route, &ids), ROUTE_WRONG_METHOD);
    route_allow(route, allow, sizeof allow);
    assert_non_null(strstr(allow, "POST"));
    assert_null(strstr(allow, "DELETE"));
    assert_int_equal(routes_find("post", path, strlen(path), &route, &ids), ROUTE_WRONG_METHOD);
}

static void numbers_name_routes_and_nothing_else(void **state)
{
    const struct route *route = NULL;
    struct route_ids ids = {0};
    static const char path[] = "/api/v1/42/kalman";
    (void)state;
    assert_int_equal(routes_find("POST", path, strlen(path), &route, &ids), ROUTE_FOUND);
    assert_string_equal(route_name(route_number(route)), "kalman");
    assert_string_equal(route_name(route_number(NULL)), "none");
    assert_string_equal(route_name(9999), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strange_account_ids_are_not_found),
        cmocka_unit_test(account_ids_up_to_31_bits_are_found),
        cmocka_unit_test(near_misses_are_not_found),
        cmocka_unit_test(another_method_is_told_what_is_allowed),
        cmocka_unit_test(numbers_name_routes_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
