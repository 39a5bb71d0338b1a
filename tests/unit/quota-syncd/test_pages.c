#include "pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct answer {
    struct luna_buf body;
    struct luna_http_reply reply;
};

static void ask(struct syncd_state *state, const char *path, struct answer *ret_answer)
{
    luna_buf_init(&ret_answer->body, LUNA_HTTP_RESPONSE_BYTES_MAX);
    ret_answer->reply = (struct luna_http_reply){404, "text/plain", &ret_answer->body};
    pages_answer(state, path, &ret_answer->reply);
    luna_buf_putc(&ret_answer->body, '\0');
}

static int status_of(struct syncd_state *state, const char *path)
{
    struct answer answer;
    ask(state, path, &answer);
    luna_buf_done(&answer.body);
    return answer.reply.status;
}

static void not_ready_before_the_first_round(void **state)
{
    (void)state;
    struct syncd_state daemon = {.last = ROUND_DONE};
    assert_int_equal(status_of(&daemon, "/readyz"), 503);
    assert_int_equal(status_of(&daemon, "/livez"), 200);
    daemon.ever_done = true;
    assert_int_equal(status_of(&daemon, "/readyz"), 200);
}

static void a_standby_is_ready_and_a_stopping_one_is_not(void **state)
{
    (void)state;
    struct syncd_state daemon = {.last = ROUND_STANDBY};
    assert_int_equal(status_of(&daemon, "/readyz"), 200);
    daemon.stopping = true;
    assert_int_equal(status_of(&daemon, "/readyz"), 503);
}

static void trouble_is_named_and_escaped(void **state)
{
    (void)state;
    struct syncd_state daemon = {
        .last = ROUND_FAILED, .ever_done = true, .trouble = {.msg = "redis \"gone\"\n"}};
    struct answer answer;
    ask(&daemon, "/readyz", &answer);
    assert_int_equal(answer.reply.status, 503);
    assert_non_null(strstr(answer.body.data, "retrying: redis"));
    luna_buf_done(&answer.body);
    ask(&daemon, "/status", &answer);
    assert_int_equal(answer.reply.status, 200);
    assert_non_null(strstr(answer.body.data, "\"trouble\": \"redis \\\"gone\\\"\\n\""));
    luna_buf_done(&answer.body);
}

static void an_unsafe_redis_is_not_ready(void **state)
{
    (void)state;
    struct syncd_state daemon = {.last = ROUND_REFUSED, .ever_done = true};
    assert_int_equal(status_of(&daemon, "/readyz"), 503);
    assert_string_equal(syncd_state_word(&daemon), "refused");
}

static void unknown_paths_are_not_found(void **state)
{
    (void)state;
    struct syncd_state daemon = {.last = ROUND_DONE};
    assert_int_equal(status_of(&daemon, "/"), 404);
    assert_int_equal(status_of(&daemon, "/metrics/"), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_ready_before_the_first_round),
        cmocka_unit_test(a_standby_is_ready_and_a_stopping_one_is_not),
        cmocka_unit_test(trouble_is_named_and_escaped),
        cmocka_unit_test(an_unsafe_redis_is_not_ready),
        cmocka_unit_test(unknown_paths_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
