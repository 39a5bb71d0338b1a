/* Paths: what is not exactly a route is not found, and account ids are decimal, positive and 31
 * bits. */
#include "request/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct route routes[] = {
    {.name = "kalman", .method = "POST", .pattern = "/api/v1/{account_id}/kalman"},
    {.name = "keys_read", .method = "GET", .pattern = "/api/v1/{account_id}/keys/{key_id}"},
    {.name = "keys_revoke", .method = "DELETE", .pattern = "/api/v1/{account_id}/keys/{key_id}"},
};
static const struct route_table table = {.routes = routes, .count = 3};

static enum route_match find(const char *method, const char *path, int64_t *ret_id)
{
    const struct route *route = NULL;
    struct route_ids ids = {.account_id = *ret_id};
    enum route_match match = route_find(&table, method, path, strlen(path), &route, &ids);
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

/* RFC 3986, 6.2.2.2. */
static void a_character_that_is_written_as_a_code_is_another(void **state)
{
    static const char *const paths[] = {"/%61pi/v1/42/kalman", "/api/v1/%34%32/kalman",
                                        "/%61%70%69/%76%31/%34%32/%6B%61%6c%6D%61%6E"};
    int64_t id = 0;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++, id = 0) {
        assert_int_equal(find("POST", paths[i], &id), ROUTE_FOUND);
        assert_int_equal(id, 42);
    }
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
                                        "/api/v1/42%2Fkalman",
                                        "/api/v1/42%2fkalman",
                                        "/api/v1/42/kalman%00",
                                        "/api/v1/42/kalman%20",
                                        "/api/v1/42/kalma%ee",
                                        "/api/v1/42/%2e%2e/42/kalman",
                                        "/api/v1/4%32/kalma%6",
                                        "/api/v1/4%32/kalman%",
                                        "/api/v1/%2534/kalman"};
    int64_t id = 0;
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_int_equal(find("POST", paths[i], &id), ROUTE_UNKNOWN);
}

static void allow_names_every_method_of_the_path_and_no_other(void **state)
{
    const struct route *route = NULL;
    struct route_ids ids = {0};
    char allow[64];
    static const char kalman[] = "/api/v1/42/kalman", key[] = "/api/v1/42/keys/7";
    (void)state;
    assert_int_equal(route_find(&table, "GET", kalman, strlen(kalman), &route, &ids),
                     ROUTE_WRONG_METHOD);
    route_allow(&table, route, allow, sizeof allow);
    assert_string_equal(allow, "POST, OPTIONS");
    assert_int_equal(route_find(&table, "post", kalman, strlen(kalman), &route, &ids),
                     ROUTE_WRONG_METHOD);
    assert_int_equal(route_find(&table, "PUT", key, strlen(key), &route, &ids), ROUTE_WRONG_METHOD);
    route_allow(&table, route, allow, sizeof allow);
    assert_string_equal(allow, "GET, HEAD, DELETE, OPTIONS");
}

static void a_route_has_the_number_of_its_place_in_the_table(void **state)
{
    const struct route *route = NULL;
    struct route_ids ids = {0};
    static const char path[] = "/api/v1/42/keys/7";
    (void)state;
    assert_int_equal(route_find(&table, "DELETE", path, strlen(path), &route, &ids), ROUTE_FOUND);
    assert_int_equal(ids.key_id, 7);
    assert_int_equal(route_number(&table, route), 2);
    assert_int_equal(route_number(&table, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strange_account_ids_are_not_found),
        cmocka_unit_test(account_ids_up_to_31_bits_are_found),
        cmocka_unit_test(a_character_that_is_written_as_a_code_is_another),
        cmocka_unit_test(near_misses_are_not_found),
        cmocka_unit_test(allow_names_every_method_of_the_path_and_no_other),
        cmocka_unit_test(a_route_has_the_number_of_its_place_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
