#include "terminal/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "caught_output.h"
#include "commands/commands.h"
#include "terminal/exit_status.h"

#include <stdio.h>
#include <string.h>

static enum cli_exit run_nothing(const struct invocation *invocation)
{
    (void)invocation;
    return CLI_OK;
}

static const struct command table[] = {
    {.name = "account", .summary = "One word", .run = run_nothing},
    {.name = "account create",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .summary = "Two words",
     .options = {{"quota", "N", "units"}, {"full", NULL, "all"}},
     .run = run_nothing},
    {.name = NULL},
};

/* A command line, writable as getopt_long() wants it. */
struct line {
    int argc;
    char *argv[8];
    char text[128];
};

/* Cuts `text` at its spaces. */
static void line_set(struct line *line, const char *text)
{
    line->argc = 0;
    snprintf(line->text, sizeof line->text, "%s", text);
    char *rest = line->text;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
        line->argv[line->argc++] = word;
    line->argv[line->argc] = NULL;
}

static const struct command *find(const char *text, int *ret_words)
{
    struct line line;
    line_set(&line, text);
    return command_find(table, line.argc, line.argv, ret_words);
}

static void the_longest_name_wins(void **state)
{
    (void)state;
    int words = 0;
    assert_ptr_equal(find("luna account create x", &words), &table[1]);
    assert_int_equal(words, 2);
    assert_ptr_equal(find("luna account other", &words), &table[0]);
    assert_int_equal(words, 1);
    assert_null(find("luna acc create", &words));
    assert_null(find("luna", &words));
}

static enum command_line read_line(struct line *line, const char *text,
                                   struct invocation *ret_invocation, const char **ret_fault)
{
    line_set(line, text);
    caught_begin(stderr);
    enum command_line result = command_read(&table[1], line->argc, line->argv, ret_invocation);
    *ret_fault = caught_end();
    return result;
}

static void options_may_stand_anywhere(void **state)
{
    (void)state;
    struct line line;
    struct invocation invocation;
    const char *fault;
    assert_int_equal(read_line(&line, "create --quota 5 name --json", &invocation, &fault),
                     COMMAND_LINE_RUN);
    assert_string_equal(invocation.operands[0], "name");
    assert_string_equal(invocation_option(&invocation, "quota"), "5");
    assert_null(invocation_option(&invocation, "full"));
    assert_true(invocation.json);
    assert_int_equal(read_line(&line, "create name --quota=7 --full", &invocation, &fault),
                     COMMAND_LINE_RUN);
    assert_string_equal(invocation_option(&invocation, "quota"), "7");
    assert_int_equal(read_line(&line, "create name --full --full --quota=7", &invocation, &fault),
                     COMMAND_LINE_RUN);
    assert_non_null(invocation_option(&invocation, "full"));
    assert_false(invocation.json);
}

static void a_name_that_begins_with_a_dash_can_be_given(void **state)
{
    (void)state;
    struct line line;
    struct invocation invocation;
    const char *fault;
    assert_int_equal(read_line(&line, "create -- --quota", &invocation, &fault), COMMAND_LINE_RUN);
    assert_string_equal(invocation.operands[0], "--quota");
}

static void a_wrong_line_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *fault;
    } cases[] = {
        {"create", "requires NAME"},
        {"create a b", "unexpected argument \"b\""},
        {"create a --colour", "unknown option \"--colour\""},
        {"create a --quota", "--quota requires a value"},
        {"create a --full=yes", "does not take a value"},
        {"create a -x", "unknown option \"-x\""},
        {"create -xq a", "unknown option \"-x\""},
        {"create a --quota 5 --quota=6", "--quota occurs more than once"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line;
        struct invocation invocation;
        const char *fault;
        assert_int_equal(read_line(&line, cases[i].line, &invocation, &fault), COMMAND_LINE_WRONG);
        assert_non_null(strstr(fault, cases[i].fault));
        assert_non_null(strstr(fault, "luna account create --help"));
    }
}

static void a_mistyped_option_names_the_one_that_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *line, *meant;
    } cases[] = {
        {"create a --qouta=5", "Did you mean: --quota\n"},
        {"create a --fulll", "Did you mean: --full\n"},
        {"create a --jsn", "Did you mean: --json\n"},
    };
    struct line line;
    struct invocation invocation;
    const char *fault;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_line(&line, cases[i].line, &invocation, &fault), COMMAND_LINE_WRONG);
        assert_non_null(strstr(fault, cases[i].meant));
    }
    assert_int_equal(read_line(&line, "create a --colour", &invocation, &fault),
                     COMMAND_LINE_WRONG);
    assert_null(strstr(fault, "Did you mean"));
}

static void a_mistyped_command_names_the_one_that_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *line, *meant;
    } cases[] = {
        {"luna acount list", "Did you mean: luna account list\n"},
        {"luna account lsit --json", "Did you mean: luna account list\n"},
        {"luna helth --json", "Did you mean: luna health\n"},
        {"luna acount", "Did you mean: luna account\n"},
        {"luna usgae demo", "Did you mean: luna usage\n"},
        {"luna account-list", "Did you mean: luna account list\n"},
        {"luna account destroy", ""},
        {"luna nonsense", ""},
    };
    struct line line;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        line_set(&line, cases[i].line);
        caught_begin(stderr);
        command_suggest(cli_commands, line.argc, line.argv);
        assert_string_equal(caught_end(), cases[i].meant);
    }
}

static void an_argument_writes_to_the_terminal(void **state)
{
    struct luna_error err;
    (void)state;
    luna_error_set(&err, LUNA_ENOTFOUND, "there is no account %s", "\x1b[2J\xc2\x9bx");
    caught_begin(stderr);
    (void)cli_exit_usage("unknown command \"%s\"", "\x1b[2Jx\n");
    (void)cli_exit_report(&err);
    const char *shown = caught_end();
    assert_non_null(strstr(shown, "luna: unknown command \"?[2Jx?\"\n"));
    assert_non_null(strstr(shown, "luna: there is no account ?[2J?x\n"));
}

static void integers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", " 1", "+1", "1 ", "1.0", "1e3", "0x1", "-", "11", "-1", "99999999999999999999"};
    int64_t value = 77;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        caught_begin(stderr);
        bool read = invocation_integer("--n", wrong[i], 0, 10, &value);
        const char *fault = caught_end();
        assert_false(read);
        assert_non_null(strstr(fault, "--n is \""));
        assert_non_null(strstr(fault, "from 0 to 10"));
    }
    assert_int_equal(value, 77);
    assert_true(invocation_integer("--n", "-5", -5, 10, &value));
    assert_int_equal(value, -5);
}

static void help_shows_every_option_of_every_command(void **state)
{
    (void)state;
    for (const struct command *command = cli_commands; command->name; command++) {
        if (command->run_own_line)
            continue;
        caught_begin(stdout);
        command_print_help(command);
        const char *page = caught_end();
        assert_non_null(strstr(page, command->name));
        assert_non_null(strstr(page, "--json"));
        for (const struct command_option *option = command->options; option->name; option++) {
            assert_non_null(strstr(page, option->name));
            assert_non_null(strstr(page, option->help));
        }
        assert_non_null(strstr(page, command->example));
    }
}

static void every_command_is_whole(void **state)
{
    (void)state;
    for (const struct command *command = cli_commands; command->name; command++) {
        assert_int_not_equal(command->run == NULL, command->run_own_line == NULL);
        assert_true(command->operands_min <= command->operands_max);
        assert_true(command->operands_max <= COMMAND_OPERANDS_MAX);
        assert_int_equal(command->operands_max > 0, command->operands != NULL);
        assert_true(command->summary[strlen(command->summary) - 1] != '.');
        if (command->run) {
            assert_memory_equal(command->example, "luna ", 5);
            assert_memory_equal(command->example + 5, command->name, strlen(command->name));
        }
    }
}

/* Whoever runs `ps` sees a command line. */
static void no_option_takes_a_secret(void **state)
{
    (void)state;
    static const char *const secrets[] = {"api-key", "password", "pepper",
                                          "secret",  "url",      "token"};
    for (const struct command *command = cli_commands; command->name; command++)
        for (const struct command_option *option = command->options; option->name; option++)
            for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
                assert_null(strstr(option->name, secrets[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_name_wins),
        cmocka_unit_test(options_may_stand_anywhere),
        cmocka_unit_test(a_name_that_begins_with_a_dash_can_be_given),
        cmocka_unit_test(a_wrong_line_says_what_is_wrong),
        cmocka_unit_test(a_mistyped_option_names_the_one_that_was_meant),
        cmocka_unit_test(a_mistyped_command_names_the_one_that_was_meant),
        cmocka_unit_test(an_argument_writes_to_the_terminal),
        cmocka_unit_test(integers_are_whole_and_in_range),
        cmocka_unit_test(help_shows_every_option_of_every_command),
        cmocka_unit_test(every_command_is_whole),
        cmocka_unit_test(no_option_takes_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
