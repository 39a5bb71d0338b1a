/* A request through its steps: what would answer a stranger, keep a charge, or mix two answers. */
#include "request/deprecation.h"
#include "request/pipeline.h"
#include "request/send.h"
#include "request/steps.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char kalman[] = "/api/v1/42/kalman", series[] = "{\"results\":[1,2,3,4]}";

static bool starts(const char *answer, const char *status)
{
    return strncmp(answer + strlen("Status: "), status, strlen(status)) == 0;
}

static void assert_answer(const char *answer, const char *status, const char *text)
{
    if (*answer == '\0' || !starts(answer, status) || strstr(answer, text) == NULL)
        print_error("%s\n", answer);
    assert_string_not_equal(answer, "");
    assert_true(starts(answer, status));
    assert_non_null(strstr(answer, text));
}

static void a_success_is_not_charged(void **state)
{
    (void)state;
    const char *answer =
        rig_serve(&(struct rig_request){.path = kalman, .api_key = "key", .body = series});
    assert_answer(answer, "200", "processed_results");
    assert_int_equal(rig.admitter.charged, 1);
    assert_int_equal(rig.admitter.refunds, 0);
}

static void a_key_and_a_token_are_both_accepted(void **state)
{
    const struct rig_request both = {
        .path = kalman, .api_key = "key", .authorization = "Bearer other", .body = series};
    (void)state;
    assert_answer(rig_serve(&both), "400", "credential_repeated");
    assert_int_equal(rig.admitter.admissions, 0);
}

static void two_keys_in_one_header_are_accepted(void **state)
{
    const struct rig_request two = {.path = kalman, .api_key = "key, other", .body = series};
    (void)state;
    assert_answer(rig_serve(&two), "400", "credential_repeated");
    assert_int_equal(rig.admitter.admissions, 0);
}

static void the_first_of_two_headers_is_taken(void **state)
{
    static const struct {
        const char *header, *code;
    } rows[] = {{"x-api-key", "credential_repeated"},
                {"authorization", "credential_repeated"},
                {"idempotency-key", "header_repeated"},
                {"content-type", "header_repeated"},
                {"content-encoding", "header_repeated"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct rig_request twice = {
            .path = kalman, .api_key = "key", .repeated_header = rows[i].header, .body = series};
        const char *answer = rig_serve(&twice);
        assert_answer(answer, "400", rows[i].code);
        if (strcmp(rows[i].code, "header_repeated") == 0)
            assert_answer(answer, "400", rows[i].header);
        assert_int_equal(rig.admitter.admissions, 0);
    }
}

static void a_request_without_a_key_is_admitted(void **state)
{
    (void)state;
    assert_answer(rig_serve(&(struct rig_request){.path = kalman, .body = series}), "403",
                  "key_missing");
    assert_int_equal(rig.admitter.admissions, 0);
}

static void a_stranger_learns_what_is_wrong_with_a_body(void **state)
{
    const struct rig_request wrong = {.path = kalman, .api_key = "key", .body = "{\"moon\":1}"};
    (void)state;
    rig.admitter.outcome = LUNA_ADMIT_KEY_INVALID;
    assert_answer(rig_serve(&wrong), "403", "key_invalid");
    assert_null(strstr(rig.io.sent.data, "moon"));
}

static void a_wrong_body_is_charged(void **state)
{
    const struct rig_request wrong = {.path = kalman, .api_key = "key", .body = "{\"moon\":1}"};
    (void)state;
    assert_answer(rig_serve(&wrong), "422", "moon");
    assert_int_equal(rig.admitter.charged, 0);
    assert_int_equal(rig.admitter.quota_left, 1000);
}

static void an_answer_whose_charge_is_void_is_sent(void **state)
{
    (void)state;
    rig.admitter.commit = LUNA_COMMIT_VOID;
    const char *answer =
        rig_serve(&(struct rig_request){.path = kalman, .api_key = "key", .body = series});
    assert_answer(answer, "503", "store_unavailable");
    assert_null(strstr(answer, "processed"));
}

static void nobody_hears_that_the_journal_cannot_be_written(void **state)
{
    (void)state;
    rig.admitter.commit = LUNA_COMMIT_VOID;
    rig.admitter.commit_error = LUNA_EJOURNAL;
    const char *answer =
        rig_serve(&(struct rig_request){.path = kalman, .api_key = "key", .body = series});
    assert_answer(answer, "503", "store_unavailable");
    assert_int_equal(rig.board->worker[0].unjournalled, 1);
    assert_int_equal(rig.board->worker[0].stores, STORES_JOURNAL);
}

static void leave(void)
{
    rig.io.client_left = true;
}

static void a_client_that_left_is_charged(void **state)
{
    (void)state;
    rig.admitter.on_admit = leave;
    assert_string_equal(
        rig_serve(&(struct rig_request){.path = kalman, .api_key = "key", .body = series}), "");
    assert_int_equal(rig.admitter.charged, 0);
    assert_int_equal(rig.admitter.refunds, 1);
    assert_int_equal(rig.board->worker[0].client_left, 1);
}

static void a_client_that_left_before_is_admitted(void **state)
{
    (void)state;
    leave();
    assert_string_equal(
        rig_serve(&(struct rig_request){.path = kalman, .api_key = "key", .body = series}), "");
    assert_int_equal(rig.admitter.admissions, 0);
}

static void fill_the_share(void)
{
    rig_begin_long_run(1, RIG_ACCOUNT);
    rig_begin_long_run(2, RIG_ACCOUNT);
}

static void a_request_beyond_the_share_is_charged(void **state)
{
    const struct rig_request request = {.path = kalman, .api_key = "key", .body = series};
    (void)state;
    rig.admitter.on_admit = fill_the_share; /* after the share was looked at */
    assert_answer(rig_serve(&request), "429", "concurrency_limited");
    assert_int_equal(rig.admitter.charged, 0);
    assert_int_equal(rig.admitter.refunded, 1);
    assert_false(rig_is_listed(0, RIG_ACCOUNT));
    rig.admitter.on_admit = NULL; /* the share is in use before */
    assert_answer(rig_serve(&request), "429", "concurrency_limited");
    assert_int_equal(rig.admitter.refunded, 1);
}

static size_t sent_at_refund;

static void note_what_was_sent(void)
{
    sent_at_refund = rig.io.sent.len;
}

/* The client could send the next request, and find its place taken. */
static void a_refusal_is_answered_before_its_place_is_free(void **state)
{
    const struct rig_request request = {.path = kalman, .api_key = "key", .body = series};
    (void)state;
    rig.admitter.on_admit = fill_the_share;
    rig.admitter.on_refund = note_what_was_sent;
    assert_answer(rig_serve(&request), "429", "concurrency_limited");
    assert_int_equal(rig.admitter.refunds, 1);
    assert_int_equal(sent_at_refund, 0);
}

static enum step_outcome fail_after_a_part(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    response->status = 200;
    response->content_type = "text/csv";
    send_in_parts(exchange);
    for (int i = 0; i < 100000; i++)
        luna_buf_puts(&response->body, "1,2\n");
    return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
}

static void a_failure_after_a_part_looks_like_the_end(void **state)
{
    static const struct step steps[] = {{PHASE_ENCODE, fail_after_a_part}, {PHASE_IDLE, NULL}};
    static const struct route route = {
        .name = "parts", .method = "GET", .pattern = "/parts", .steps = steps};
    static const struct route_table routes = {&route, 1};
    (void)state;
    rig.pipeline.routes = &routes;
    const char *answer = rig_serve(&(struct rig_request){.method = "GET", .path = "/parts"});
    assert_answer(answer, "200", "1,2\n");
    assert_null(strstr(answer, "internal_error"));
    assert_false(rig.io.ended);
    assert_int_equal(rig.board->worker[0].problems[PROBLEM_INTERNAL], 1);
}

static enum step_outcome answer_read(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    response->status = 200;
    response->content_type = "application/json";
    luna_buf_puts(&response->body, "{}");
    return STEP_ON;
}

/* Without Vary, a cache could give one account's answer to the next key. */
static void an_answer_to_cache_does_not_vary_with_the_key(void **state)
{
    static const struct step steps[] = {
        {PHASE_STORE, answer_read}, {PHASE_ENCODE, step_revalidate}, {PHASE_IDLE, NULL}};
    static const struct route route = {
        .name = "read", .method = "GET", .pattern = "/read", .steps = steps};
    static const struct route_table routes = {&route, 1};
    (void)state;
    rig.pipeline.routes = &routes;
    const char *answer = rig_serve(&(struct rig_request){.method = "GET", .path = "/read"});
    assert_answer(answer, "200", "Vary: Accept-Encoding, Accept, X-API-Key, Authorization\r\n");
    free(rig.config.cors_origins);
    rig.config.cors_origins = strdup("https://a.example");
    answer = rig_serve(&(struct rig_request){.method = "GET", .path = "/read"});
    assert_answer(answer, "200",
                  "Vary: Accept-Encoding, Origin, Accept, X-API-Key, Authorization\r\n");
    assert_answer(answer, "200", "Cache-Control: private, no-cache\r\n");
    assert_non_null(strstr(answer, "ETag: "));
}

static const char *serve_deprecated(const struct deprecation *deprecation)
{
    static const struct step steps[] = {{PHASE_STORE, answer_read}, {PHASE_IDLE, NULL}};
    static struct route route = {.name = "old", .method = "GET", .pattern = "/old", .steps = steps};
    static const struct route_table routes = {&route, 1};
    route.deprecation = deprecation;
    rig.pipeline.routes = &routes;
    return rig_serve(&(struct rig_request){.method = "GET", .path = "/old"});
}

/* The first time is the example of RFC 9745. */
static void a_route_ends_without_notice(void **state)
{
    (void)state;
    const char *answer = serve_deprecated(&(struct deprecation){.deprecated_s = 1688169599});
    assert_answer(answer, "200", "Deprecation: @1688169599\r\n");
    assert_answer(answer, "200",
                  "Link: </versioning>; rel=\"deprecation\"; type=\"text/html\"\r\n");
    assert_null(strstr(answer, "Sunset"));
    answer =
        serve_deprecated(&(struct deprecation){.deprecated_s = 1688169599, .sunset_s = 1924991999});
    assert_answer(answer, "200", "Sunset: Tue, 31 Dec 2030 23:59:59 GMT\r\n");
    answer = serve_deprecated(NULL);
    assert_null(strstr(answer, "Deprecation"));
}

static unsigned long long counted(int status)
{
    unsigned long long count = 0;
    for (int i = 0; i < SCOREBOARD_STATUSES; i++)
        for (int route = 0; scoreboard_status_at(i) == status && route < SCOREBOARD_ROUTES; route++)
            count += atomic_load(&rig.board->worker[0].route_statuses[route][i]);
    return count;
}

/* 401 takes the place of 403 where the credential is in Authorization. */
static void an_answer_is_counted_as_one_of_another_status(void **state)
{
    const struct rig_request wrong = {.path = kalman, .authorization = "Bearer no", .body = series};
    (void)state;
    rig.admitter.outcome = LUNA_ADMIT_KEY_INVALID;
    assert_answer(rig_serve(&wrong), "401", "key_invalid");
    assert_int_equal(counted(401), 1);
    assert_int_equal(counted(0), 0);
}

static void a_problem_has_no_status_in_the_metrics(void **state)
{
    (void)state;
    for (int id = PROBLEM_NONE + 1; id < PROBLEM_COUNT; id++) {
        bool listed = false;
        for (int i = 0; i < SCOREBOARD_STATUSES; i++)
            listed = listed || scoreboard_status_at(i) == problem_row((enum problem_id)id)->status;
        assert_true(listed);
    }
}

static struct breadcrumb shown;

static enum step_outcome look(struct exchange *exchange)
{
    assert_true(scoreboard_read(exchange->pipeline->slot, &shown));
    exchange->pipeline->response.status = 204;
    return STEP_ANSWERED;
}

/* Without a body, nothing else names the account. */
static void a_key_at_work_is_shown_under_no_account(void **state)
{
    static const struct step steps[] = {
        {PHASE_ADMIT, step_admit}, {PHASE_STORE, look}, {PHASE_IDLE, NULL}};
    static const struct route route = {
        .name = "read", .method = "GET", .pattern = "/{account_id}", .steps = steps};
    static const struct route_table routes = {&route, 1};
    (void)state;
    rig.pipeline.routes = &routes;
    (void)rig_serve(&(struct rig_request){
        .method = "GET", .path = "/42", .api_key = "luna_live_abcdefghijklmnop"});
    assert_string_equal(shown.key, "luna_live_abcdef");
    assert_int_equal(shown.account_id, 42);
}

static void one_request_leaves_a_header_to_the_next(void **state)
{
    (void)state;
    (void)rig_serve(&(struct rig_request){.method = "PUT", .path = kalman});
    assert_non_null(strstr(rig.io.sent.data, "Allow: "));
    const char *answer =
        rig_serve(&(struct rig_request){.path = kalman, .api_key = "key", .body = series});
    assert_answer(answer, "200", "processed_results");
    assert_null(strstr(answer, "Allow: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_success_is_not_charged),
        TEST(a_key_and_a_token_are_both_accepted),
        TEST(two_keys_in_one_header_are_accepted),
        TEST(the_first_of_two_headers_is_taken),
        TEST(a_request_without_a_key_is_admitted),
        TEST(a_stranger_learns_what_is_wrong_with_a_body),
        TEST(a_wrong_body_is_charged),
        TEST(an_answer_whose_charge_is_void_is_sent),
        TEST(nobody_hears_that_the_journal_cannot_be_written),
        TEST(a_client_that_left_is_charged),
        TEST(a_client_that_left_before_is_admitted),
        TEST(a_request_beyond_the_share_is_charged),
        TEST(a_refusal_is_answered_before_its_place_is_free),
        TEST(a_failure_after_a_part_looks_like_the_end),
        TEST(an_answer_to_cache_does_not_vary_with_the_key),
        TEST(a_route_ends_without_notice),
        TEST(an_answer_is_counted_as_one_of_another_status),
        TEST(a_problem_has_no_status_in_the_metrics),
        TEST(a_key_at_work_is_shown_under_no_account),
        TEST(one_request_leaves_a_header_to_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
