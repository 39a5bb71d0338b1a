#include "terminal/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "caught_output.h"

static const struct cell record[] = {
    {.name = "id", .type = CELL_INTEGER, .number = 9007199254740993},
    {.name = "name", .type = CELL_TEXT, .text = "a \"b\"\n\x1b[31m"},
    {.name = "none", .type = CELL_TEXT},
    {.name = "on", .type = CELL_BOOL, .number = 1},
    {.name = "at", .type = CELL_TIME, .number = 1798740001007},
    {.name = "never", .type = CELL_TIME},
};

static void a_record_for_machines_is_json_of_the_right_types(void **state)
{
    (void)state;
    caught_begin(stdout);
    output_record(true, record, OUTPUT_COUNT(record));
    assert_string_equal(
        caught_end(),
        "{\"id\": 9007199254740993, \"name\": \"a \\\"b\\\"\\n\\u001b[31m\", \"none\": null, "
        "\"on\": true, \"at\": \"2026-12-31T18:00:01.007Z\", \"never\": null}\n");
}

static void a_record_for_people_cannot_drive_their_terminal(void **state)
{
    (void)state;
    caught_begin(stdout);
    output_record(false, record, OUTPUT_COUNT(record));
    assert_string_equal(caught_end(),
                        "id     9007199254740993\nname   a \"b\"??[31m\nnone   -\non     yes\n"
                        "at     2026-12-31T18:00:01.007Z\nnever  -\n");
}

static void add_two(struct output_list *list)
{
    const struct cell first[] = {CELL_T("name", "a"), CELL_I("units", 5), CELL_T("end", "x")};
    const struct cell second[] = {CELL_T("name", "longer"), CELL_I("units", 123456),
                                  CELL_T("end", "y")};
    output_list_add(list, first, 3);
    output_list_add(list, second, 3);
}

static void a_list_is_aligned_or_an_array(void **state)
{
    (void)state;
    struct output_list *list = output_list_new(false);
    caught_begin(stdout);
    add_two(list);
    output_list_print(list, "nothing");
    assert_string_equal(caught_end(),
                        "name     units  end\na            5  x\nlonger  123456  y\n");
    caught_begin(stdout);
    list = output_list_new(true);
    add_two(list);
    output_list_print(list, "nothing");
    assert_string_equal(caught_end(),
                        "[\n  {\"name\": \"a\", \"units\": 5, \"end\": \"x\"},\n"
                        "  {\"name\": \"longer\", \"units\": 123456, \"end\": \"y\"}\n]\n");
}

static void an_empty_list_is_a_sentence_or_an_empty_array(void **state)
{
    (void)state;
    caught_begin(stdout);
    output_list_print(output_list_new(false), "nothing yet");
    assert_string_equal(caught_end(), "nothing yet\n");
    caught_begin(stdout);
    output_list_print(output_list_new(true), "nothing yet");
    assert_string_equal(caught_end(), "[]\n");
}

static void thousands_of_records_are_all_printed(void **state)
{
    (void)state;
    struct output_list *list = output_list_new(false);
    for (int i = 0; i < 5000; i++) {
        const struct cell cells[] = {CELL_I("n", i)};
        output_list_add(list, cells, 1);
    }
    caught_begin(stdout);
    output_list_print(list, "");
    const char *text = caught_end();
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    assert_int_equal(lines, 5001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_for_machines_is_json_of_the_right_types),
        cmocka_unit_test(a_record_for_people_cannot_drive_their_terminal),
        cmocka_unit_test(a_list_is_aligned_or_an_array),
        cmocka_unit_test(an_empty_list_is_a_sentence_or_an_empty_array),
        cmocka_unit_test(thousands_of_records_are_all_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
