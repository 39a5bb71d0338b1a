#include "http/cors.h"

#include "api/small_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *headers_for(const char *origins, const char *origin)
{
    static struct http_response response;
    luna_buf_done(&response.headers);
    luna_buf_init(&response.headers, 4096);
    cors_headers_add(origins, origin, &response);
    cors_preflight_add(origins, origin, "POST, OPTIONS", &response);
    luna_buf_putc(&response.headers, '\0');
    return response.headers.data;
}

static bool is_let_in(const char *origins, const char *origin)
{
    return strstr(headers_for(origins, origin), "Access-Control-Allow-Origin: ") != NULL;
}

static void only_a_listed_origin_is_let_in(void **state)
{
    (void)state;
    static const char list[] = "https://a.example, https://b.example:8443";
    assert_true(is_let_in(list, "https://a.example"));
    assert_true(is_let_in(list, "https://b.example:8443"));
    static const char *const strangers[] = {"",
                                            "null",
                                            "https://a.example.evil",
                                            "https://a.exampl",
                                            "http://a.example",
                                            "https://b.example",
                                            ",",
                                            ", ",
                                            "https://a.example, https://b.example:8443",
                                            "https://A.example",
                                            "*"};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        assert_false(is_let_in(list, strangers[i]));
    assert_false(is_let_in("", "https://a.example"));
    assert_false(is_let_in(NULL, "https://a.example"));
}

static void the_star_lets_all_in_and_names_nobody(void **state)
{
    (void)state;
    assert_non_null(strstr(headers_for("*", "https://any.example\r\nX: y"),
                           "Access-Control-Allow-Origin: *\r\n"));
    assert_null(strstr(headers_for("*", "https://any.example"), "any.example"));
    assert_false(is_let_in("*", ""));
}

static void a_page_that_is_not_listed_may_send_something(void **state)
{
    (void)state;
    assert_true(cors_is_on("*") && !cors_is_on("") && !cors_is_on(NULL));
    assert_null(strstr(headers_for("https://a.example", "https://evil.example"), "Allow-Methods"));
    assert_non_null(strstr(headers_for("https://a.example", "https://a.example"), "X-API-Key"));
}

/* type@loc of the first fault; "" when there is none. */
static const char *first_fault(const char *body, int64_t *number, unsigned *scopes)
{
    static char text[128];
    static struct luna_arena arena;
    struct luna_faults faults;
    luna_arena_done(&arena);
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    const struct small_member members[] = {
        {.name = "n", .type = SMALL_INT, .min = 1, .max = 10, .ret_int = number},
        {.name = "scopes", .type = SMALL_SCOPES, .ret_scopes = scopes},
        {.name = NULL}};
    small_body_read(body, strlen(body), members, &faults);
    text[0] = '\0';
    if (faults.count == 0)
        return text;
    strcpy(text, faults.list[0].type);
    if (faults.list[0].loc_count > 1 && faults.list[0].loc[1].name != NULL)
        strcat(strcat(text, "@"), faults.list[0].loc[1].name);
    return text;
}

static void small_bodies_take_what_they_know_and_refuse_the_rest(void **state)
{
    (void)state;
    int64_t number = 7;
    unsigned scopes = 1;
    assert_string_equal(first_fault("", &number, &scopes), "");
    assert_string_equal(first_fault("{}", &number, &scopes), "");
    assert_int_equal(number, 7);
    assert_string_equal(first_fault("{\"n\":3,\"scopes\":[\"read\",\"keys\"]}", &number, &scopes),
                        "");
    assert_int_equal(number, 3);
    assert_int_equal(scopes, 6);
    static const struct {
        const char *body, *fault;
    } wrong[] = {{"[]", "model_attributes_type"},
                 {"{\"n\":3", "json_invalid"},
                 {"{\"n\":3,\"n\":4}", "json_invalid"},
                 {"{\"n\":0}", "greater_than_equal@n"},
                 {"{\"n\":11}", "less_than_equal@n"},
                 {"{\"n\":1.0}", "int_type@n"},
                 {"{\"n\":\"3\"}", "int_type@n"},
                 {"{\"m\":3}", "extra_forbidden@m"},
                 {"{\"scopes\":[]}", "too_short@scopes"},
                 {"{\"scopes\":[1]}", "literal_error@scopes"},
                 {"{\"n\":99999999999999999999}", "json_invalid"},
                 {"{\"n\":NaN}", "json_invalid"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_string_equal(first_fault(wrong[i].body, &number, &scopes), wrong[i].fault);
    assert_int_equal(number, 3);
}

static void null_is_read_as_a_value(void **state)
{
    int64_t number = 7, rate = 7;
    unsigned scopes = 1;
    const char *name = "n", *texts = "t", *networks = "w";
    struct luna_arena arena;
    struct luna_faults faults;
    (void)state;
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    const struct small_member members[] = {
        {.name = "n", .type = SMALL_INT, .min = 1, .max = 10, .ret_int = &number},
        {.name = "rate", .type = SMALL_INT, .null = SMALL_NULL_CLEARS, .ret_int = &rate},
        {.name = "name", .type = SMALL_TEXT, .null = SMALL_NULL_CLEARS, .ret_text = &name},
        {.name = "texts", .type = SMALL_TEXTS, .null = SMALL_NULL_CLEARS, .ret_text = &texts},
        {.name = "nets", .type = SMALL_NETWORKS, .null = SMALL_NULL_CLEARS, .ret_text = &networks},
        {.name = "s", .type = SMALL_SCOPES, .null = SMALL_NULL_IS_WRONG, .ret_scopes = &scopes},
        {.name = NULL}};
    static const char body[] =
        "{\"n\":null,\"rate\":null,\"name\":null,\"texts\":null,\"nets\":null}";
    small_body_read(body, strlen(body), members, &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(number, 7);
    assert_int_equal(rate, 0);
    assert_string_equal(name, "");
    assert_string_equal(texts, "{}");
    assert_string_equal(networks, "");
    small_body_read("{\"s\":null}", 10, members, &faults);
    assert_int_equal(faults.count, 1);
    luna_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_listed_origin_is_let_in),
        cmocka_unit_test(the_star_lets_all_in_and_names_nobody),
        cmocka_unit_test(a_page_that_is_not_listed_may_send_something),
        cmocka_unit_test(small_bodies_take_what_they_know_and_refuse_the_rest),
        cmocka_unit_test(null_is_read_as_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
