/* A batch's price: what would charge for a series without an answer, or give one for nothing. */
#include "fcgi-worker/request/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char path[] = "/api/v1/42/kalman/batch";

static const char *serve(const char *body, const char *idempotency_key)
{
    return rig_serve(&(struct rig_request){
        .path = path, .api_key = "key", .body = body, .idempotency_key = idempotency_key});
}

static void assert_has(const char *answer, const char *text)
{
    if (strstr(answer, text) == NULL)
        print_error("%s\n", answer);
    assert_non_null(strstr(answer, text));
}

static const char three[] = "{\"series\":[[1,2,3],[2,3,4],[3,4,5]]}";

static void a_series_is_answered_for_nothing(void **state)
{
    (void)state;
    assert_has(serve(three, NULL), "\"succeeded\":3,\"failed\":0,\"charged\":3}");
    assert_int_equal(rig.admitter.charged, 3);
}

/* Without variances, the second observation contradicts the first, which only the run finds. */
static void a_series_that_failed_is_charged(void **state)
{
    static const char body[] = "{\"model\":{\"parameters\":{\"level_variance\":0,"
                               "\"observation_variance\":0}},\"series\":[[1],[1,2,3]]}";
    (void)state;
    assert_has(serve(body, NULL), "\"succeeded\":1,\"failed\":1,\"charged\":1}");
    assert_int_equal(rig.admitter.charged, 1);
    assert_int_equal(rig.admitter.refunded, 1);
    assert_has(rig.io.sent.data, "\"quota\";r=999");
}

static void the_rest_of_a_quota_is_refused(void **state)
{
    (void)state;
    rig.admitter.quota_left = 2;
    assert_has(serve(three, NULL), "\"succeeded\":2,\"failed\":1,\"charged\":2}");
    assert_int_equal(rig.admitter.charged, 2);
}

/* A retry under the key is charged nothing: it would get the third series free. */
static void the_rest_of_a_quota_pays_for_a_whole_batch_under_an_idempotency_key(void **state)
{
    (void)state;
    rig.admitter.quota_left = 2;
    assert_has(serve(three, "once"), "quota_exhausted");
    assert_int_equal(rig.admitter.charged, 0);
    assert_int_equal(rig.admitter.quota_left, 2);
}

static void a_replay_is_computed_only_in_part(void **state)
{
    (void)state;
    rig.admitter.outcome = LUNA_ADMIT_REPLAY;
    assert_has(serve(three, "once"), "\"succeeded\":3,\"failed\":0,\"charged\":0}");
    assert_has(rig.io.sent.data, "Idempotent-Replayed: true\r\n");
    assert_int_equal(rig.admitter.charged, 0);
}

static const char *serve_table(const char *query, const char *body, const char *idempotency_key)
{
    return rig_serve(&(struct rig_request){.path = path,
                                           .query = query,
                                           .content_type = "text/csv",
                                           .api_key = "key",
                                           .body = body,
                                           .idempotency_key = idempotency_key});
}

/* What the table was read as is said in a header only, which is not one of the limits. */
static void a_reduced_charge_loses_how_a_table_was_read(void **state)
{
    (void)state;
    assert_has(serve_table("id_column=id&model={\"parameters\":{\"level_variance\":0,"
                           "\"observation_variance\":0}}",
                           "id,y\na,1\nb,1\nb,2\nb,3\n", NULL),
               "\"succeeded\":1,\"failed\":1,\"charged\":1}");
    assert_has(rig.io.sent.data, "\r\nLuna-Input: column=\"y\"");
    assert_has(rig.io.sent.data, "\"quota\";r=999");
}

static void a_replay_loses_how_a_table_was_read(void **state)
{
    (void)state;
    assert_has(serve_table("id_column=id", "id,y\na,1\na,2\nb,3\n", "once"),
               "Luna-Input: column=\"y\"");
    rig.admitter.outcome = LUNA_ADMIT_REPLAY;
    assert_has(serve_table("id_column=id", "id,y\na,1\na,2\nb,3\n", "once"),
               "Idempotent-Replayed: true\r\n");
    assert_has(rig.io.sent.data, "\"succeeded\":2,\"failed\":0,\"charged\":2}");
    assert_has(rig.io.sent.data, "\r\nLuna-Input: column=\"y\"");
}

static void fill_arena(void)
{
    rig.pipeline.arena.bytes_max = rig.pipeline.arena.used_bytes;
}

/* Each of the series takes some memory for what is said of it. */
static void a_hopeless_series_has_no_memory_left_for_its_detail(void **state)
{
    static char body[65536];
    size_t len = (size_t)snprintf(body, sizeof body,
                                  "{\"model\":{\"name\":\"exponential_smoothing\",\"period\":366},"
                                  "\"series\":[[null");
    (void)state;
    for (int i = 0; i < 400; i++) /* so many gaps leave the fit to the filter */
        len += (size_t)snprintf(body + len, sizeof body - len, ",null");
    for (int i = 0; i < 20000; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, ",%d", i % 7);
    (void)snprintf(body + len, sizeof body - len, "]]}");
    rig.config.request_timeout_ms = 10000;
    rig.admitter.on_admit = fill_arena;
    assert_has(serve(body, NULL), "\"error\":{\"code\":\"computation_too_long\",\"detail\":\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_series_is_answered_for_nothing),
        TEST(a_series_that_failed_is_charged),
        TEST(the_rest_of_a_quota_is_refused),
        TEST(the_rest_of_a_quota_pays_for_a_whole_batch_under_an_idempotency_key),
        TEST(a_replay_is_computed_only_in_part),
        TEST(a_reduced_charge_loses_how_a_table_was_read),
        TEST(a_replay_loses_how_a_table_was_read),
        TEST(a_hopeless_series_has_no_memory_left_for_its_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
