/* Errors: FastAPI's shape by default, RFC 9457's when asked for. */
#include "http/problem.h"

#include "luna/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct http_response response;
static struct luna_arena arena;
static struct luna_faults faults;

static int set_up(void **state)
{
    (void)state;
    luna_buf_init(&response.body, 65536);
    luna_buf_init(&response.headers, 4096);
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    struct luna_fault *fault =
        luna_faults_add(&faults, "float_type", "Input should be a valid number", "index 3");
    fault->loc[0].name = "body";
    fault->loc_count = 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    luna_buf_done(&response.body);
    luna_buf_done(&response.headers);
    luna_arena_done(&arena);
    return 0;
}

static const char *respond_to(const struct problem_report *report, const char *accept,
                              const char *api_key, const char *authorization)
{
    const struct http_request request = {.accept = accept,
                                         .api_key = api_key,
                                         .authorization = authorization,
                                         .request_id = "id-\"1\""};
    problem_respond(&response, report, &request);
    luna_buf_putc(&response.body, '\0');
    return response.body.data;
}

static const char *respond(const struct problem_report *report, const char *accept)
{
    return respond_to(report, accept, "", "");
}

static void faults_are_fastapis_detail_by_default(void **state)
{
    const struct problem_report report = {.id = PROBLEM_VALIDATION, .faults = &faults};
    const char *body = respond(&report, "*/*");
    (void)state;
    assert_int_equal(response.status, 422);
    assert_string_equal(response.content_type, "application/json");
    assert_non_null(strstr(body, "\"detail\":[{"));
    assert_non_null(strstr(body, "Input should be a valid number"));
    assert_null(strstr(body, "\"errors\""));
}

static void faults_are_rfc_9457s_errors_when_asked(void **state)
{
    const struct problem_report report = {.id = PROBLEM_VALIDATION, .faults = &faults};
    const char *body = respond(&report, "application/problem+json");
    (void)state;
    assert_string_equal(response.content_type, "application/problem+json");
    assert_non_null(strstr(body, "\"detail\":\""));
    assert_non_null(strstr(body, "\"errors\":[{"));
}

static void other_errors_have_text_as_detail(void **state)
{
    const struct problem_report report = {.id = PROBLEM_KEY_MISSING};
    const char *body = respond(&report, "");
    (void)state;
    assert_int_equal(response.status, 403);
    assert_non_null(strstr(body, "\"detail\":\"Send your API key"));
    assert_non_null(strstr(body, "\"code\":\"key_missing\""));
}

/* RFC 6750 for who sends Authorization, the owner's 403 for who does not. */
static void a_bearer_credential_is_refused_like_another(void **state)
{
    static const struct {
        enum problem_id id;
        const char *api_key, *authorization;
        int status;
    } cases[] = {
        {PROBLEM_KEY_MISSING, "", "", 403},           {PROBLEM_KEY_MISSING, "", "Basic x", 401},
        {PROBLEM_KEY_MISSING, "", "Bearer", 401},     {PROBLEM_KEY_INVALID, "", "Bearer x", 401},
        {PROBLEM_KEY_INVALID, "x", "", 403},          {PROBLEM_KEY_INVALID, "x", "Basic x", 403},
        {PROBLEM_SCOPE_MISSING, "", "Bearer x", 403}, {PROBLEM_ADDRESS, "", "Bearer x", 403},
        {PROBLEM_NOT_FOUND, "", "Bearer x", 404}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *body = respond_to(&(struct problem_report){.id = cases[i].id}, "*/*",
                                      cases[i].api_key, cases[i].authorization);
        char status[32];
        (void)snprintf(status, sizeof status, "\"status\":%d,", cases[i].status);
        assert_int_equal(response.status, cases[i].status);
        assert_non_null(strstr(body, status));
    }
}

static void the_form_of_an_error_is_not_the_preferred_one(void **state)
{
    static const char *const problem[] = {"application/problem+json",
                                          "application/json, application/problem+json",
                                          "application/problem+json;q=.5, application/json;q=.4"};
    static const char *const json[] = {"",
                                       "*/*",
                                       "application/*",
                                       "application/problem+json;q=0",
                                       "application/json, application/problem+json;q=0.9",
                                       "*/*, application/problem+json;q=0.9"};
    const struct problem_report report = {.id = PROBLEM_NOT_FOUND};
    (void)state;
    for (size_t i = 0; i < sizeof problem / sizeof problem[0]; i++) {
        (void)respond(&report, problem[i]);
        assert_string_equal(response.content_type, "application/problem+json");
    }
    for (size_t i = 0; i < sizeof json / sizeof json[0]; i++) {
        (void)respond(&report, json[i]);
        assert_string_equal(response.content_type, "application/json");
    }
}

static void request_ids_are_escaped(void **state)
{
    const struct problem_report report = {.id = PROBLEM_NOT_FOUND};
    (void)state;
    assert_non_null(strstr(respond(&report, ""), "\"request_id\":\"id-\\\"1\\\"\""));
}

static void limits_name_the_violated_policy(void **state)
{
    const struct problem_report report = {.id = PROBLEM_QUOTA_EXHAUSTED,
                                          .violated_policy = "monthly"};
    const char *body = respond(&report, "");
    (void)state;
    assert_non_null(strstr(body, "\"violated-policies\":[\"monthly\"]"));
    assert_non_null(strstr(body, "http-problem-types#quota-exceeded"));
}

static void unknown_number_is_an_internal_error(void **state)
{
    (void)state;
    assert_int_equal(problem_row((enum problem_id)9999)->status, 500);
    assert_int_equal(problem_row(PROBLEM_NONE)->status, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(faults_are_fastapis_detail_by_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(faults_are_rfc_9457s_errors_when_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_errors_have_text_as_detail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bearer_credential_is_refused_like_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_form_of_an_error_is_not_the_preferred_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(request_ids_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_name_the_violated_policy, set_up, tear_down),
        cmocka_unit_test(unknown_number_is_an_internal_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
