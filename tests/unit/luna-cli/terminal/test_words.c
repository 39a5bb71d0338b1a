#include "terminal/words.h"

#include "luna/store/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void durations_have_units_and_a_limit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } right[] = {{"0", 0}, {"90", 90}, {"90s", 90}, {"15m", 900}, {"12h", 43200}, {"7d", 604800}};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        int64_t seconds = -1;
        assert_true(duration_read("--grace", right[i].text, 604800, &seconds));
        assert_int_equal(seconds, right[i].seconds);
    }
    static const char *const wrong[] = {
        "", "d", "-1", "8d", "604801", "1w", "1.5h", "7 d", "99999999999999999999d"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t seconds = -1;
        assert_false(duration_read("--grace", wrong[i], 604800, &seconds));
        assert_int_equal(seconds, -1);
    }
}

/* The numbers are date -u -d … +%s000. */
static void times_are_utc(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_true(time_read("--expires", "2026-12-31", &ms));
    assert_int_equal(ms, 1798675200000);
    assert_true(time_read("--expires", "2026-12-31T18:00:01Z", &ms));
    assert_int_equal(ms, 1798740001000);
    static const char *const wrong[] = {"",
                                        "2026",
                                        "31.12.2026",
                                        "2026-13-01",
                                        "2026-12-31T18:00:00",
                                        "2026-12-31 18:00:00Z",
                                        "2026-12-31T18:00:00Zx",
                                        "1969-01-01"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(time_read("--expires", wrong[i], &ms));
    assert_int_equal(ms, 1798740001000);
}

static void scopes_read_back_what_they_print(void **state)
{
    (void)state;
    for (unsigned scopes = 1; scopes <= (LUNA_SCOPE_MODEL | LUNA_SCOPE_READ | LUNA_SCOPE_KEYS);
         scopes++) {
        char text[SCOPES_TEXT_BYTES];
        unsigned read = 0;
        scopes_text(scopes, text, sizeof text);
        assert_true(scopes_read(text, &read));
        assert_int_equal(read, scopes);
    }
    static const char *const wrong[] = {"", "all", "model,", ",model", "model read", "mode"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        unsigned read = 9;
        assert_false(scopes_read(wrong[i], &read));
        assert_int_equal(read, 9);
    }
}

static void periods_read_back_what_they_print(void **state)
{
    (void)state;
    for (int i = LUNA_PERIOD_NONE; i <= LUNA_PERIOD_MONTH; i++) {
        enum luna_period period = LUNA_PERIOD_NONE;
        assert_true(period_read(luna_period_kind((enum luna_period)i), &period));
        assert_int_equal(period, i);
    }
    enum luna_period period = LUNA_PERIOD_DAY;
    assert_false(period_read("week", &period));
    assert_int_equal(period, LUNA_PERIOD_DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units_and_a_limit),
        cmocka_unit_test(times_are_utc),
        cmocka_unit_test(scopes_read_back_what_they_print),
        cmocka_unit_test(periods_read_back_what_they_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
