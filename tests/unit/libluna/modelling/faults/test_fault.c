#include "luna/modelling/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void the_json_is_not_fastapis(void **state)
{
    (void)state;
    struct luna_arena arena;
    struct luna_faults faults;
    struct luna_buf out;
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    luna_buf_init(&out, 4096);
    luna_faults_put_json(&faults, &out);
    luna_fault_at_index(
        luna_fault_at(luna_faults_add(&faults, "float_type", "Say \"x\"", "hint\n"), "results"), 3);
    (void)luna_faults_add(&faults, "missing", "Field required", NULL);
    luna_faults_put_json(&faults, &out);
    static const char expected[] =
        "[][{\"type\":\"float_type\",\"loc\":[\"body\",\"results\",3],\"msg\":\"Say \\\"x\\\"\","
        "\"hint\":\"hint\\n\"},{\"type\":\"missing\",\"loc\":[\"body\"],"
        "\"msg\":\"Field required\"}]";
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.data, expected, out.len);
    luna_buf_done(&out);
    luna_arena_done(&arena);
}

static void the_twenty_first_fault_overflows(void **state)
{
    (void)state;
    struct luna_arena arena;
    struct luna_faults faults;
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    for (int i = 0; i < LUNA_FAULTS_MAX; i++) {
        assert_false(faults.more);
        assert_non_null(luna_faults_add(&faults, "x", "x", NULL));
    }
    assert_null(
        luna_fault_at_index(luna_fault_at(luna_faults_add(&faults, "x", "x", NULL), "a"), 1));
    assert_int_equal(faults.count, LUNA_FAULTS_MAX);
    assert_true(faults.more);
    struct luna_fault *deep = &faults.list[0];
    for (int i = 0; i < 20; i++)
        luna_fault_at(deep, "deeper");
    assert_int_equal(deep->loc_count, LUNA_FAULT_LOC_MAX);
    luna_faults_clear(&faults);
    assert_int_equal(faults.count, 0);
    assert_false(faults.more);
    luna_arena_done(&arena);
}

static void joined_faults_beyond_the_limit_are_forgotten(void **state)
{
    (void)state;
    struct luna_arena arena;
    struct luna_faults faults, others;
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    luna_faults_init(&others, &arena);
    for (int i = 0; i < LUNA_FAULTS_MAX - 1; i++)
        assert_non_null(luna_faults_add(&faults, "x", "x", NULL));
    assert_non_null(luna_faults_add(&others, "first", "x", NULL));
    luna_faults_join(&faults, &others);
    assert_string_equal(faults.list[LUNA_FAULTS_MAX - 1].type, "first");
    assert_true(faults.more);
    luna_faults_join(&faults, &others);
    assert_int_equal(faults.count, LUNA_FAULTS_MAX);
    assert_true(faults.more);
    luna_arena_done(&arena);
}

static void a_long_name_is_echoed_whole(void **state)
{
    (void)state;
    struct luna_arena arena;
    struct luna_faults faults;
    char name[1000];
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_faults_init(&faults, &arena);
    for (size_t i = 0; i < sizeof name; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    for (size_t start = 0; start < 2; start++) {
        const char *quoted = luna_faults_quote(&faults, name + start, sizeof name - start);
        assert_true(strlen(quoted) <= LUNA_FAULT_NAME_BYTES_MAX + strlen("…"));
        assert_memory_equal(quoted + strlen(quoted) - strlen("…"), "…", strlen("…"));
    }
    assert_string_equal(luna_faults_quote(&faults, "short", 5), "short");
    luna_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_is_not_fastapis),
        cmocka_unit_test(the_twenty_first_fault_overflows),
        cmocka_unit_test(joined_faults_beyond_the_limit_are_forgotten),
        cmocka_unit_test(a_long_name_is_echoed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
