#include "decoding.h"
#include "luna/table/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct decoding d;
static struct luna_table table;

static const struct luna_request_limits limits = {.points_max = DECODING_POINTS_MAX,
                                                  .nesting_max = DECODING_NESTING_MAX};

/* Reads a table with the options of a query such as "column=nile&decimal=,". */
static enum luna_decode_status read_series(const char *body, size_t len, const char *query,
                                           bool batch)
{
    struct luna_table_options options = {.column = NULL};
    luna_arena_reset(&d.arena);
    luna_faults_init(&d.faults, &d.arena);
    char *pairs = luna_arena_strndup(&d.arena, query, strlen(query));
    for (char *next = NULL, *pair = strtok_r(pairs, "&", &next); pair != NULL;
         pair = strtok_r(NULL, "&", &next)) {
        char *value = strchr(pair, '=');
        *value = '\0';
        luna_table_option_set(pair, value + 1, &options, &d.faults);
    }
    if (d.faults.count > 0)
        return LUNA_DECODE_FAULTS;
    enum luna_decode_status status =
        luna_table_read(body, len, &options, batch, &limits, &d.arena, &table, &d.faults);
    if (status == LUNA_DECODE_OK)
        luna_table_request(&table, 0, &d.request);
    return status;
}

static enum luna_decode_status read_table(const char *body, size_t len, const char *query)
{
    return read_series(body, len, query, false);
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

/* The values as text, "_" for a missing one. */
static const char *values_with(const char *body, const char *query)
{
    static char text[512];
    size_t len = strlen(body);
    char *copy = malloc(len > 0 ? len : 1);
    memcpy(copy, body, len);
    enum luna_decode_status status = read_table(copy, len, query);
    free(copy);
    if (status != LUNA_DECODE_OK)
        return decoding_faults(&d);
    char *at = text;
    text[0] = '\0';
    for (size_t i = 0; i < d.request.n; i++)
        at += isnan(d.request.values[i]) ? sprintf(at, "_ ")
                                         : sprintf(at, "%g ", d.request.values[i]);
    return text;
}

static const char *values_of(const char *body)
{
    return values_with(body, "");
}

struct row {
    const char *body, *expected;
};

static void check_with(const struct row *rows, size_t count, const char *query)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = values_with(rows[i].body, query);
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s\n  wanted %s\n  got    %s", rows[i].body, rows[i].expected, got);
    }
}

static void check(const struct row *rows, size_t count)
{
    check_with(rows, count, "");
}

static void a_good_table_is_misread(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"1\n2\n3\n", "1 2 3 "},
        {"1\r\n2\r\n3", "1 2 3 "},
        {"1\r2\r3\r", "1 2 3 "},
        {"value\n1\n2\n", "1 2 "},
        {"\xef\xbb\xbfvalue\n1\n", "1 "},
        {"# R datasets package: Nile\n1120\n1160\n", "1120 1160 "},
        {"date,value\n2020-01-01,1\n2020-01-02,2\n", "1 2 "},
        {"value,other\n1,10\n2,20\n", "1 2 "},
        {"a,Value ,c\n1,2,3\n", "2 "},
        {"a,note\n1,x\n2,y\n", "1 2 "},
        {"2020-01,1\n2020-02,2\n", "1 2 "}, /* once, its first line was taken for names */
        {"x,y\n1,NA\n2,5\n", "_ 5 "},
        {"value\nNA\nNaN\nnull\n\n4\n", "_ _ _ _ 4 "},
        {"1\n\n3\n\n\n", "1 _ 3 "},
        {"a,value\n1,\n2,2\n", "_ 2 "},
        {"a,value\n1,2\n\n3,4\n", "2 4 "},
        {"\"value\"\n\"1\"\n\"2.5\"\n", "1 2.5 "},
        {"\"a \"\"quoted\"\", name\",value\n1,2\n", "2 "},
        {" 1 \n\t2\n", "1 2 "},
        {"+1\n.5\n5.\n-.25e2\n+1.5E+1\n", "1 0.5 5 -25 15 "},
        {"NA\n", "_ "},
        {"\n\n1\n\n2\n",
         "1 _ 2 "}, /* blank lines before the first are no data: once a heap overflow */
        {"\n\nvalue\n\n2\n", "_ 2 "},
        {"1e-400\n-0\n", "0 -0 "},
    };
    check(rows, sizeof rows / sizeof rows[0]);
}

static void a_bad_table_is_accepted(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", "too_short body.value"},
        {"\n\n", "too_short body.value"},
        {"value\n", "too_short body.value"},
        {"value\n1\nabc\n3\n", "float_parsing body.value.1"},
        {"value\n1\ninf\n1e999\n-Infinity\n",
         "finite_number body.value.1; finite_number body.value.2; finite_number body.value.3"},
        {"place,temp\na,1\nb,1;5\nc,3\n", "float_parsing body.temp.1"},
        {"date,temp\na,1\nb,2\n", "value_error body.date"},
        {"a,y\n1,2\n3\n", "csv_invalid body.8"},
        {"name,y\na,1\nb,2\nMedian,1.5\n", "csv_invalid body.15"},
        {"name,y\na,1\nb,2\nMedian:,1.5\n", "csv_invalid body.15"},
        {"a,y\n1,2\n3,4,5\n6,x\n", "csv_invalid body.8; float_parsing body.y.2"},
        {"NA,NA\n", "value_error body"},
        {"a,b\n1,10\n2,20\n", "value_error body"},
        {"2020,1\n2021,2\n", "value_error body"},
        {"1\n\"2\n3\n", "csv_invalid body.2"},
        {"1\n2\"3\n", "csv_invalid body.3"},
        {"\"1\"2\n", "csv_invalid body.3"},
        {"value\n1 2\n", "float_parsing body.value.0"},
        {"value\n1e\n", "float_parsing body.value.0"},
        {"value\n1.2.3\n", "float_parsing body.value.0"},
        {"value\n++1\n", "float_parsing body.value.0"},
        {"value\n1.5.\n", "float_parsing body.value.0"},
        /* A "0" was put before each point: past the end of a buffer on the stack. */
        {"value\n-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5-.5\n",
         "float_parsing body.value.0"},
        {"value\n0x10\n", "float_parsing body.value.0"},
    };
    check(rows, sizeof rows / sizeof rows[0]);
}

static void a_leading_zero_or_long_number_is_text(void **state)
{
    (void)state;
    /* "007" is not a number in JSON, nor here: it is an identifier in the wrong column. */
    assert_string_equal(values_of("value\n007\n"), "float_parsing body.value.0");
    assert_string_equal(
        values_of("value\n0.1000000000000000055511151231257827021181583404541015625000000000000\n"),
        "0.1 ");
}

/* Seen by the sanitizer. */
static void numbers_before_a_comma_overflow(void **state)
{
    (void)state;
    assert_string_equal(values_with("x;y\n1;9223372036854775807,5\n2;9223372036854775807,5\n", ""),
                        "9.22337e+18 9.22337e+18 ");
}

static void the_points_limit_is_off_by_one(void **state)
{
    (void)state;
    static char body[4 * DECODING_POINTS_MAX];
    for (int extra = 0; extra <= 1; extra++) {
        body[0] = '\0';
        char *at = body;
        for (int i = 0; i < DECODING_POINTS_MAX + extra; i++)
            at += sprintf(at, "7\n");
        assert_int_equal(read_table(body, strlen(body), ""),
                         extra == 0 ? LUNA_DECODE_OK : LUNA_DECODE_LONG);
        if (extra == 1)
            assert_string_equal(decoding_faults(&d), "too_long body.value");
    }
}

static const char *hint_of(const char *body)
{
    (void)values_of(body);
    assert_true(d.faults.count > 0);
    return d.faults.list[0].hint;
}

/* Rows of one month, and clocks of one day, are read by shorter ways than others. */
static void times_of_one_month_are_not_compared(void **state)
{
    (void)state;
    static const struct row sorted[] = {
        {"ds,y\n1969-12-31,1\n1970-01-01,2\n1970-01-02,3\n", "1 2 3 "},
        {"ds,y\n2020-02-28,1\n2020-02-29,2\n2020-03-01,3\n", "1 2 3 "},
        {"ds,y\n2020-01-31,1\n2020/02/01,2\n2020-02-01T01:00,3\n 2020-02-02,4\n", "1 2 3 4 "},
        {"ds,y\n2020-01-01 23:59:58,1\n2020-01-01 23:59:59,2\n2020-01-02 00:00:00,3\n", "1 2 3 "},
        {"ds,y\n2020-01-01T01:00Z,1\n2020-01-01T01:00:01Z,2\n2020-01-01T02:00+00:30,3\n", "1 2 3 "},
        {"ds,y\n2020-01-01T01:00:00.5,1\n2020-01-01T01:00:00.75,2\n2020-01-01T01:00:01Z,3\n",
         "1 2 3 "},
        {"ds,y\n2020-03-29 01:00:00+01:00,1\n2020-03-29 03:00:00+02:00,2\n", "1 2 "},
        {"ds,y\n01/31/2020,1\n02/01/2020,2\n02/02/2020 01:00,3\n", "1 2 3 "},
        /* 08:00, 09:00 in UTC; a clock without seconds and with a word is read by the long way */
        {"ds,y\n31-Dec-2020 10:00 AM +02:00,1\n31-Dec-2020 07:00 AM -02:00,2\n", "1 2 "},
        {"ds,y\n31.01.2020,1\n01.02.2020,2\n", "1 2 "},
        {"ds,y\n2020-01,1\n2020-01-02,2\n2020-02,3\n", "1 2 3 "},
        {"ds,y\n1990,1\n1991,2\n1992-06,3\n", "1 2 3 "}};
    static const char *const not_sorted[] = {
        "ds,y\n2020-01-02,1\n2020-01-01,2\n",
        "ds,y\n2020-01-02,1\n2020-01-02,2\n",
        "ds,y\n2020-02-01,1\n2020-01-31,2\n",
        "ds,y\n2020-02-01,1\n2019-02-02,2\n",
        "ds,y\n2020-01-01 03:00,1\n2020-01-01 02:59,2\n",
        "ds,y\n2020-01-02,1\n01/01/2020,2\n",
        "ds,y\n01/31/2020,1\n01/31/2020,2\n",
        "ds,y\n2020-02,1\n2020-01,2\n",
        "ds,y\n2020-01-01 01:00:00.5,1\n2020-01-01 01:00:00.25,2\n",
        "ds,y\n2020-01-01 01:00:00+01:00,1\n2020-01-01 01:00:00+02:00,2\n",
        "ds,y\n31-Dec-2020 07:00 AM -02:00,1\n31-Dec-2020 10:00 AM +02:00,2\n",
        "ds,y\n1991,1\n1990,2\n",
        "ds,y\n1600000000,1\n1500000000,2\n"};
    static const char *const no_times[] = {
        "ds,y\n2020-01-01,1\n2020-01-32,2\n",
        "ds,y\n2020-01-01,1\n2020-01-00,2\n",
        "ds,y\n2020-01-01,1\n2020-01-0x,2\n",
        "ds,y\n2020-01-01,1\n2020-13-02,2\n",
        "ds,y\n2020-01-01,1\n2020-01-02x03:00,2\n",
        "ds,y\n2020-01,1\n2020-13,2\n",
        "ds,y\n2020-01-01 03:00:00.5,1\n2020-01-01 03:00:00.,2\n",
        "ds,y\n12/31/2020,1\n13/32/2021,2\n"};
    check(sorted, sizeof sorted / sizeof sorted[0]);
    for (size_t i = 0; i < sizeof not_sorted / sizeof not_sorted[0]; i++)
        assert_non_null(strstr(hint_of(not_sorted[i]), "does not come after"));
    for (size_t i = 0; i < sizeof no_times / sizeof no_times[0]; i++)
        assert_non_null(strstr(hint_of(no_times[i]), "is not a time"));
}

/* Numbers are read together with the bytes behind them. */
static void a_number_reads_into_the_next_field(void **state)
{
    (void)state;
    static const struct row named[] = {
        {"sep=e\nxey\n1e5\n2e6\n", "5 6 "},
        {"sep=.\nx.y\n1.5\n2.6\n", "5 6 "},
    };
    static const struct row found[] = {
        {"y,x\n1,e\n2,e5\n", "1 2 "},
        {"y;x\n1;.5\n22;.6\n", "1 22 "},
        {"\"y\",x\n\"1\",2020-01-01\n\"22\",2020-01-02\n", "1 22 "},
        {"y\n  1\n 22 \n\t3\n", "1 22 3 "},
    };
    check_with(named, sizeof named / sizeof named[0], "column=y");
    check(found, sizeof found / sizeof found[0]);
}

/* No delimiter is named: the line is no remark of a spreadsheet. */
static void the_end_of_a_line_is_taken_for_a_delimiter(void **state)
{
    (void)state;
    static const char *const bodies[] = {"sep=\r\ny\r\n1\r\n2\r\n", "sep=\n\ny\n1\n2\n",
                                         "sep=\"\ny\n1\n2\n"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        (void)hint_of(bodies[i]);
}

static void a_field_in_quotes_ends_too_early(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"\"x\",\"y\"\n\"a,b\",\"1\"\n\"\",\"2\"\r\n\"c\"\"d\",\"3\"\r\n", "1 2 3 "},
        {"\"x\",\"y\"\n\"a\nb\",\"1\"\n\"c\rd\",\"2\"\r\"e\",\"3\"\n", "1 2 3 "},
        {"\"y\"\n\"1\"\n\"\"\n\"3\"\n", "1 _ 3 "},
    };
    check(rows, sizeof rows / sizeof rows[0]);
    assert_non_null(strstr(hint_of("x,y\n\"a\"b,1\n"), "after the closing quote"));
    assert_non_null(strstr(hint_of("x,y\n\"a\" ,1\n"), "after the closing quote"));
    assert_non_null(strstr(hint_of("x,y\na,1\n\"b,2\nc,3\n"), "the quote that opens"));
    assert_non_null(strstr(hint_of("x,y\na\"b\",1\n"), "a field that is not quoted"));
}

static void a_series_named_total_loses_its_last_row(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "unique_id,month,y\na,2020-01,1\na,2020-02,2\ntotal,2020-02,3\n",
        "unique_id,y\na,1\na,2\ntotal,3\n",
        "unique_id,part,month,y\na,x,2020-01,1\na,x,2020-02,2\nb,total,2020-02,3\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(read_series(bodies[i], strlen(bodies[i]), "", true), LUNA_DECODE_OK);
        assert_int_equal(table.series_count, 2);
        assert_int_equal(table.rows, 3);
        assert_int_equal(table.totals_line, 0);
    }
}

static void quotes_in_ids_stay_doubled(void **state)
{
    (void)state;
    static const char body[] = "unique_id,y\n\"a\"\"b\",1\n\"a\"\"b\",2\n\"\"\"\",3\n";
    assert_int_equal(read_series(body, strlen(body), "", true), LUNA_DECODE_OK);
    assert_int_equal(table.series_count, 2);
    assert_string_equal(table.series[0].id, "a\"b");
    assert_string_equal(table.series[1].id, "\"");
    assert_int_equal(read_table(body, strlen(body), ""), LUNA_DECODE_FAULTS);
    assert_non_null(strstr(d.faults.list[0].msg, "\"a\"b\""));
}

/* Merged cells are saved so; in a batch, the rows of all series became one. */
static void rows_without_an_id_are_one_series(void **state)
{
    (void)state;
    static const char body[] = "unique_id,y\na,1\n,2\nb,3\n\"\",4\n";
    assert_int_equal(read_series(body, strlen(body), "", true), LUNA_DECODE_FAULTS);
    assert_int_equal(d.faults.count, 1);
    assert_non_null(strstr(d.faults.list[0].hint, "line 3: write the id"));
}

static void more_ids_than_are_watched_hide_that_they_recur(void **state)
{
    (void)state;
    static char body[DECODING_POINTS_MAX * 16];
    for (int twice = 0; twice <= 1; twice++) {
        char *at = body + sprintf(body, "station,y\n");
        for (int i = 0; i < 100 + 100 * twice; i++)
            at += sprintf(at, "s%d,%d\n", i % 100, i);
        assert_int_equal(read_table(body, strlen(body), ""),
                         twice ? LUNA_DECODE_FAULTS : LUNA_DECODE_OK);
    }
}

static void a_fault_of_order_names_a_row_of_another_series(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"unique_id,ds,y\na,2020-01-02,1\nb,2020-01-07,2\na,2020-01-01,3\n",
         "line 4: \"2020-01-01\" does not come after \"2020-01-02\" on line 2;"},
        /* No row of "b" stands above the one that shows another order of day and month. */
        {"unique_id,ds,y\na,01/02/2020,1\na,13/02/2020,2\nb,02/13/2020,3\n",
         "line 4: \"02/13/2020\" has another order of day and month than rows above;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_series(cases[i][0], strlen(cases[i][0]), "", true),
                         LUNA_DECODE_FAULTS);
        assert_ptr_equal(strstr(d.faults.list[0].hint, cases[i][1]), d.faults.list[0].hint);
    }
}

static void a_total_is_counted_as_the_last_line(void **state)
{
    (void)state;
    static const char body[] = "month,y\n2020-01,1\n\n2020-02,2\n\ntotal,3\n";
    assert_int_equal(read_table(body, strlen(body), ""), LUNA_DECODE_OK);
    assert_int_equal(table.last_line, 4);
    assert_int_equal(table.totals_line, 6);
}

/* The first row too many may say "total": what follows it was cut off. */
static void a_total_hides_the_rows_beyond_the_limit(void **state)
{
    (void)state;
    static char body[16 * DECODING_POINTS_MAX];
    char *at = body;
    for (int i = 0; i < DECODING_POINTS_MAX; i++)
        at += sprintf(at, "day,7\n");
    at += sprintf(at, "total,7000\n\n");
    assert_int_equal(read_table(body, strlen(body), ""), LUNA_DECODE_OK);
    sprintf(at, "day,7\n");
    assert_int_equal(read_table(body, strlen(body), ""), LUNA_DECODE_LONG);
}

/* Of 64 bytes and more, all counted as digits. */
static void a_long_line_of_text_is_told_to_be_a_number(void **state)
{
    (void)state;
    char body[100];
    memset(body, 'x', sizeof body);
    assert_int_equal(read_table(body, sizeof body, "header=absent"), LUNA_DECODE_FAULTS);
    assert_non_null(strstr(d.faults.list[0].msg, "unable to parse string"));
    memset(body, '1', sizeof body);
    body[50] = '.';
    assert_int_equal(read_table(body, sizeof body, ""), LUNA_DECODE_FAULTS);
    assert_non_null(strstr(d.faults.list[0].msg, "one number of 99 digits"));
}

static const char *faults_of_bytes(const char *body, size_t len)
{
    assert_int_equal(read_table(body, len, ""), LUNA_DECODE_FAULTS);
    return decoding_faults(&d);
}

/* The text is a copy of another length, or begins behind a mark. */
static void a_place_is_not_one_of_the_body_that_was_sent(void **state)
{
    (void)state;
    static const char utf16[] = "\xff\xfev\0\n\0\x3d\xd8\0\xde\n\0\"\0\xe9\0";
    assert_string_equal(faults_of_bytes(utf16, sizeof utf16 - 1), "csv_invalid body.12");
    static const char marked[] = "\xef\xbb\xbfv\n\"1";
    assert_string_equal(faults_of_bytes(marked, sizeof marked - 1), "csv_invalid body.5");
}

/* Of a column that is empty in the first rows, numbers are looked for below them. */
static void a_name_is_taken_for_a_number_of_its_column(void **state)
{
    (void)state;
    enum { ROWS = 110 };
    static char body[4000];
    for (int above = 0; above <= 1; above++) {
        char *at = body + sprintf(body, above ? "\nplace,2019\n" : "place,2019\n");
        for (int i = 0; i < ROWS; i++)
            at += sprintf(at, "a%d,\n", i);
        assert_string_equal(values_of(body), "value_error body");
        (void)sprintf(at, "b,7\n");
        assert_int_equal(read_table(body, strlen(body), ""), LUNA_DECODE_OK);
        assert_true(d.request.n == ROWS + 1 && d.request.values[ROWS] == 7);
    }
}

static void too_many_columns_overflow(void **state)
{
    (void)state;
    static char body[4000];
    for (int columns = 256; columns <= 257; columns++) {
        char *at = body;
        for (int i = 0; i < columns; i++)
            at += sprintf(at, i > 0 ? ",%d" : "%d", i % 10);
        assert_int_equal(read_table(body, strlen(body), "column=7"),
                         columns == 256 ? LUNA_DECODE_OK : LUNA_DECODE_FAULTS);
    }
    assert_string_equal(d.faults.list[0].type, "csv_invalid");
}

static void the_line_is_not_told(void **state)
{
    (void)state;
    values_of("\"a\nb\"\n1\noops\n");
    assert_string_equal(
        d.faults.list[0].hint,
        "line 4: \"oops\" is not a number; leave the field empty for a missing observation; if it "
        "is a unit or a remark, remove the line");
    values_with("day;value\n1;5\n", "delimiter=,");
    assert_string_equal(d.faults.list[0].hint,
                        "line 2: \"1;5\" is not a number; fields are separated by ';' here; add "
                        "delimiter=; and, for numbers such as 1,5, decimal=,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_table_is_misread),
        cmocka_unit_test(a_bad_table_is_accepted),
        cmocka_unit_test(a_leading_zero_or_long_number_is_text),
        cmocka_unit_test(numbers_before_a_comma_overflow),
        cmocka_unit_test(the_points_limit_is_off_by_one),
        cmocka_unit_test(times_of_one_month_are_not_compared),
        cmocka_unit_test(a_number_reads_into_the_next_field),
        cmocka_unit_test(the_end_of_a_line_is_taken_for_a_delimiter),
        cmocka_unit_test(a_field_in_quotes_ends_too_early),
        cmocka_unit_test(a_series_named_total_loses_its_last_row),
        cmocka_unit_test(quotes_in_ids_stay_doubled),
        cmocka_unit_test(rows_without_an_id_are_one_series),
        cmocka_unit_test(more_ids_than_are_watched_hide_that_they_recur),
        cmocka_unit_test(a_fault_of_order_names_a_row_of_another_series),
        cmocka_unit_test(a_total_is_counted_as_the_last_line),
        cmocka_unit_test(a_total_hides_the_rows_beyond_the_limit),
        cmocka_unit_test(a_long_line_of_text_is_told_to_be_a_number),
        cmocka_unit_test(a_place_is_not_one_of_the_body_that_was_sent),
        cmocka_unit_test(a_name_is_taken_for_a_number_of_its_column),
        cmocka_unit_test(too_many_columns_overflow),
        cmocka_unit_test(the_line_is_not_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
