#include "commands/complete.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "commands/commands.h"

#include <stdio.h>
#include <string.h>

static char offered[4096];

static void note(void *context, const char *word, const char *description)
{
    size_t used = strlen(offered);
    (void)context;
    (void)description;
    snprintf(offered + used, sizeof offered - used, "%s ", word);
}

static void note_name(void *context, const char *kind, const char *start, const char *account)
{
    size_t used = strlen(offered);
    (void)context;
    snprintf(offered + used, sizeof offered - used, "<%s %s %s> ", kind, start,
             account ? account : "-");
}

/* Cuts `text` at its spaces; "account " has an empty last word. */
static const char *complete(const char *text)
{
    char line[256];
    char *words[COMPLETION_WORDS_MAX];
    struct completion completion = {
        .table = cli_commands, .words = words, .offer = note, .name = note_name};
    snprintf(line, sizeof line, "%s", text);
    char *rest = line;
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " "))
        words[completion.count++] = word;
    offered[0] = '\0';
    complete_words(&completion);
    return offered;
}

static void commands_are_offered_word_by_word(void **state)
{
    (void)state;
    assert_string_equal(complete("acc"), "account ");
    assert_string_equal(complete("account set"), "set-limit set-plan ");
    assert_string_equal(complete("nonsense "), "");
    assert_string_equal(complete("nonsense x "), "");
    assert_non_null(strstr(complete(""), "account key plan usage audit "));
}

static void options_are_those_of_the_command(void **state)
{
    (void)state;
    assert_string_equal(complete("account list --"),
                        "--plan --status --name --limit --after --json --help ");
    assert_string_equal(complete("account delete --y"), "--yes ");
    assert_string_equal(complete("account show --y"), "");
    assert_string_equal(complete("kalman --mod"), "--model ");
}

static void a_value_is_of_the_kind_that_help_shows(void **state)
{
    (void)state;
    assert_string_equal(complete("account list --plan x"), "<PLAN x -> ");
    assert_string_equal(complete("audit show --account "), "<ACCOUNT  -> ");
    assert_string_equal(complete("plan set trial --period d"), "day ");
    assert_string_equal(complete("plan set trial --quota n"), "<N n -> none ");
}

static void an_operand_is_counted_without_options_and_their_values(void **state)
{
    (void)state;
    assert_string_equal(complete("account set-plan d"), "<ACCOUNT d -> ");
    assert_string_equal(complete("account set-plan --reason x demo s"), "<PLAN s demo> ");
    assert_string_equal(complete("key revoke --json --yes demo 1"), "<KEY_ID 1 demo> ");
    assert_string_equal(complete("account show demo "), "");
    assert_string_equal(complete("kalman ser"), "<FILE ser -> ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_offered_word_by_word),
        cmocka_unit_test(options_are_those_of_the_command),
        cmocka_unit_test(a_value_is_of_the_kind_that_help_shows),
        cmocka_unit_test(an_operand_is_counted_without_options_and_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
