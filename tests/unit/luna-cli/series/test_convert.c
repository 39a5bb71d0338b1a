#include "series/convert.h"

#include "commands/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "caught_output.h"

/* What `luna convert FILE [option]` prints on `stream`, for a file of this content. */
static const char *convert(FILE *stream, enum cli_exit wanted, const char *content,
                           const char *option)
{
    char path[] = "/tmp/luna-cli-XXXXXX", program[] = "luna", name[] = "convert", given[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
    snprintf(given, sizeof given, "%s", option != NULL ? option : "");
    char *argv[] = {program, name, path, option != NULL ? given : NULL, NULL};
    int argc = option != NULL ? 4 : 3, words = 0;
    const struct command *command = command_find(cli_commands, argc, argv, &words);
    struct invocation invocation;
    assert_int_equal(command_read(command, argc - words, argv + words, &invocation),
                     COMMAND_LINE_RUN);
    caught_begin(stream);
    enum cli_exit status = cmd_convert(&invocation);
    const char *caught = caught_end();
    unlink(path);
    if (status != wanted)
        fail_msg("status %d: %s", (int)status, caught);
    return caught;
}

static void a_table_is_shown_otherwise_than_it_is_read(void **state)
{
    (void)state;
    const char *shown = convert(
        stdout, CLI_OK, "date;y\n2020-01-01;1,5\n2020-01-02;NA\n2020-01-03;2,5\n", "--json");
    static const char *const wanted[] = {
        "\"format\": \"csv\"",
        "\"column\": \"y\"",
        "\"time_column\": \"date\"",
        "\"rows\": 3",
        "\"missing\": 1",
        "\"series\": 1",
        "\"first\": \"2020-01-01\"",
        "\"delimiter\": \";",
        "\"decimal\": \",\"",
        "\"first_line\": 2",
        "\"last_line\": 4",
        "\"columns\": \"date (times), y (numbers)\"",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (strstr(shown, wanted[i]) == NULL)
            fail_msg("no %s in %s", wanted[i], shown);
    shown = convert(stdout, CLI_OK, "unique_id,ds,y\na,2020-01-01,1\nb,2020-01-01,2\n", "--json");
    assert_non_null(strstr(shown, "\"series\": 2"));
    assert_non_null(strstr(shown, "\"id_column\": \"unique_id\""));
}

static void a_series_without_a_table_is_not_shown(void **state)
{
    (void)state;
    const char *shown = convert(stdout, CLI_OK, "{\"results\":[1,null,3]}", "--json");
    assert_non_null(strstr(shown, "\"format\": \"json\""));
    assert_non_null(strstr(shown, "\"rows\": 3"));
    assert_non_null(strstr(shown, "\"missing\": 1"));
}

static void an_option_decides_nothing(void **state)
{
    (void)state;
    static const char two[] = "a,b\n1,2\n3,4\n";
    assert_non_null(strstr(convert(stderr, CLI_FAILED, two, NULL), "column"));
    assert_non_null(strstr(convert(stdout, CLI_OK, two, "--column=b"), "b"));
    assert_non_null(strstr(convert(stderr, CLI_USAGE, two, "--delimiter=xy"), "the command line"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_shown_otherwise_than_it_is_read),
        cmocka_unit_test(a_series_without_a_table_is_not_shown),
        cmocka_unit_test(an_option_decides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
