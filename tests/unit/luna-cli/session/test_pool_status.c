#include "session/pool_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char page[] =
    "{\"ready\":true,\"reason\":\"ok\",\"uptime_ms\":5000,\"pool\":{\"generation\":3,\"target\":2,"
    "\"min\":2,"
    "\"max\":2,"
    "\"backlog_depth\":1,\"backlog_max\":1024,\"crash_looping\":false,\"stopping\":false,"
    "\"crashes\":7},"
    "\"totals\":{\"requests\":300,\"busy\":1,\"points\":1200,\"shed\":4},\"workers\":["
    "{\"slot\":0,\"pid\":11,\"state\":\"ready\",\"requests\":200,\"resident_bytes\":2048,"
    "\"request\":null},"
    "{\"slot\":1,\"pid\":12,\"state\":\"ready\",\"requests\":100,\"resident_bytes\":4096,"
    "\"request\":{"
    "\"request_id\":\"abc\","
    "\"account_id\":42,\"route\":\"kalman\",\"phase\":\"model\",\"body_bytes\":9,\"busy_ms\":77}}]"
    "}";

static struct pool_status now;

static void page_is_read_whole(void **state)
{
    struct luna_error err;
    (void)state;
    assert_int_equal(pool_status_read(page, strlen(page), &now, &err), LUNA_OK);
    assert_true(now.ready);
    assert_int_equal(now.generation, 3);
    assert_int_equal(now.requests, 300);
    assert_int_equal(now.crashes, 7);
    assert_int_equal(now.worker_count, 2);
    assert_false(now.workers[0].busy);
    assert_true(now.workers[1].busy);
    assert_string_equal(now.workers[1].phase, "model");
    assert_int_equal(now.workers[1].account_id, 42);
}

static void other_pages_are_refused(void **state)
{
    static const char *const others[] = {"",   "not json",     "[]",
                                         "{}", "{\"pool\":7}", "{\"pool\":{}"};
    struct luna_error err;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(pool_status_read(others[i], strlen(others[i]), &now, &err),
                         LUNA_EPROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_read_whole),
        cmocka_unit_test(other_pages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
