#include "decoding.h"
#include "luna/table/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS_MAX = 230, LINE_BYTES = 16 };

static struct decoding d;
static char body[(ROWS_MAX + 4) * LINE_BYTES];

static enum luna_decode_status read_with(const struct luna_table_options *options, bool batch,
                                         struct luna_table *ret_table)
{
    static const struct luna_request_limits limits = {.points_max = DECODING_POINTS_MAX,
                                                      .nesting_max = DECODING_NESTING_MAX};
    luna_arena_reset(&d.arena);
    luna_faults_init(&d.faults, &d.arena);
    return luna_table_read(body, strlen(body), options, batch, &limits, &d.arena, ret_table,
                           &d.faults);
}

static enum luna_decode_status read_body(struct luna_table *ret_table)
{
    static const struct luna_table_options options = {.column = NULL};
    return read_with(&options, false, ret_table);
}

/* As many rows as the sample holds or are held back, and more or fewer. */
static void a_total_takes_other_rows_with_it(void **state)
{
    (void)state;
    for (size_t count = 2; count <= ROWS_MAX; count++) {
        struct luna_table table;
        char *at = body + sprintf(body, "label,y\n");
        for (size_t i = 0; i < count; i++)
            at += sprintf(at, "day %zu,%zu\n", i, i);
        sprintf(at, ",\nTotal,5\nAverage,\n");
        assert_int_equal(read_body(&table), LUNA_DECODE_OK);
        assert_int_equal(table.rows, count);
        assert_int_equal(table.missing, 0);
        assert_int_equal(table.last_line, count + 1);
        assert_int_equal(table.totals_line, count + 3);
        for (size_t i = 0; i < count; i++)
            assert_true(table.series[0].values[i] == (double)i);
    }
}

/* Two blank lines, or two rows without a cell, above row `gap`. */
static void check_gap(const char *names, const char *label, const char *missing, size_t gap)
{
    struct luna_table table;
    char *at = body + sprintf(body, "%s\n", names);
    for (size_t i = 0; i < ROWS_MAX; i++) {
        at += i == gap ? sprintf(at, "%s%s", missing, missing) : 0;
        at += sprintf(at, "%s%zu\n", label, i);
    }
    assert_int_equal(read_body(&table), LUNA_DECODE_OK);
    assert_int_equal(table.missing, 2);
    assert_int_equal(table.series[0].n, ROWS_MAX + 2);
    for (size_t i = 0; i < ROWS_MAX; i++)
        assert_true(table.series[0].values[i < gap ? i : i + 2] == (double)i);
    assert_true(isnan(table.series[0].values[gap]) && isnan(table.series[0].values[gap + 1]));
}

static void a_missing_observation_is_lost(void **state)
{
    (void)state;
    for (size_t gap = 1; gap < ROWS_MAX; gap++) {
        check_gap("y", "", "\n", gap);
        check_gap("label,y", "day,", ",\n", gap);
    }
}

/* The only column is that of ids too; the memory was used by an earlier request. */
static void a_blank_line_is_of_no_series(void **state)
{
    (void)state;
    enum { BLOCK_BYTES = 16384 };
    static const struct luna_table_options options = {.id_column = "1"};
    struct luna_table table;
    luna_arena_reset(&d.arena);
    memset(luna_arena_alloc(&d.arena, BLOCK_BYTES), 0xff, BLOCK_BYTES);
    sprintf(body, "y\n1\n2\n\n1\n");
    assert_int_equal(read_with(&options, true, &table), LUNA_DECODE_OK);
    assert_int_equal(table.series_count, 2);
    assert_int_equal(table.series[0].n, 2);
    assert_int_equal(table.series[1].n, 2);
    assert_true(table.series[1].values[0] == 2 && isnan(table.series[1].values[1]));
}

/* A row of another width is named before cells above it that are no numbers. */
static void the_form_is_told_behind_the_cells(void **state)
{
    (void)state;
    struct luna_table table;
    char *at = body + sprintf(body, "label,y\nday,1\nday,2\nday,x\n");
    for (size_t i = 0; i < ROWS_MAX - 4; i++)
        at += sprintf(at, "day,%zu\n", i);
    sprintf(at, "day\n");
    assert_int_equal(read_body(&table), LUNA_DECODE_FAULTS);
    assert_int_equal(d.faults.count, 2);
    assert_string_equal(d.faults.list[0].type, "csv_invalid");
    assert_string_equal(d.faults.list[1].type, "float_parsing");
}

static int set_up(void **state)
{
    (void)state;
    decoding_init(&d);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    decoding_done(&d);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_total_takes_other_rows_with_it),
        cmocka_unit_test(a_missing_observation_is_lost),
        cmocka_unit_test(a_blank_line_is_of_no_series),
        cmocka_unit_test(the_form_is_told_behind_the_cells),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
