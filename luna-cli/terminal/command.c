#include "terminal/command.h"

#include "luna/base/suggest.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_COLUMN = 36, OPTION_COLUMN = 26 };

/* Above every character code; the options of a command are numbered from OPTION_OWN. */
enum { OPTION_JSON = 1000, OPTION_HELP, OPTION_YES, OPTION_OWN };

static int word_count(const char *name)
{
    return strchr(name, ' ') ? 2 : 1;
}

static bool words_match(const char *name, int argc, char *const argv[])
{
    const char *space = strchr(name, ' ');
    if (!space)
        return argc > 1 && strcmp(argv[1], name) == 0;
    size_t first_len = (size_t)(space - name);
    return argc > 2 && strlen(argv[1]) == first_len && strncmp(argv[1], name, first_len) == 0 &&
           strcmp(argv[2], space + 1) == 0;
}

const struct command *command_find(const struct command *table, int argc, char *const argv[],
                                   int *ret_words)
{
    const struct command *best = NULL;
    for (const struct command *c = table; c->name; c++) {
        if (words_match(c->name, argc, argv) &&
            (!best || word_count(c->name) > word_count(best->name)))
            best = c;
    }
    if (best)
        *ret_words = word_count(best->name);
    return best;
}

/* Compares `typed` with the names' first words, or with whole names. */
static struct luna_suggestion nearest_name(const struct command *table, const char *typed,
                                           bool whole)
{
    struct luna_suggestion found = {.typed = typed, .typed_len = strlen(typed)};
    for (const struct command *c = table; c->name; c++)
        luna_suggest_compare(&found, c->name, strcspn(c->name, whole ? "" : " "));
    return found;
}

/* Compares `typed` with the second words of the commands whose first word was found. */
static struct luna_suggestion nearest_second(const struct command *table,
                                             const struct luna_suggestion *first, const char *typed)
{
    struct luna_suggestion found = {.typed = typed, .typed_len = strlen(typed)};
    for (const struct command *c = table; c->name; c++) {
        const char *second = c->name + first->nearest_len;
        if (strncmp(c->name, first->nearest, first->nearest_len) == 0 && *second == ' ')
            luna_suggest_compare(&found, second + 1, strlen(second + 1));
    }
    return found;
}

void command_suggest(const struct command *table, int argc, char *const argv[])
{
    struct luna_suggestion first = nearest_name(table, argv[1], false), second = {.nearest = NULL};
    if (!first.nearest)
        first = nearest_name(table, argv[1], true);
    if (!first.nearest)
        return;
    if (argc > 2 && argv[2][0] != '-')
        second = nearest_second(table, &first, argv[2]);
    if (second.nearest)
        fprintf(stderr, "Did you mean: luna %.*s %s\n", (int)first.nearest_len, first.nearest,
                second.nearest);
    else if (first.distance > 0) /* else that word was not the fault */
        fprintf(stderr, "Did you mean: luna %.*s\n", (int)first.nearest_len, first.nearest);
}

static void fill_long_options(const struct command *command, struct option options[])
{
    int count = 0;
    for (; command->options[count].name; count++) {
        assert(count < COMMAND_OPTIONS_MAX);
        const struct command_option *declared = &command->options[count];
        options[count] =
            (struct option){declared->name, declared->value ? required_argument : no_argument, NULL,
                            OPTION_OWN + count};
    }
    options[count++] = (struct option){"json", no_argument, NULL, OPTION_JSON};
    options[count++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    if (command->destroys)
        options[count++] = (struct option){"yes", no_argument, NULL, OPTION_YES};
    options[count] = (struct option){NULL, 0, NULL, 0};
}

static enum command_line wrong(const struct command *command)
{
    fprintf(stderr, "Try: luna %s --help\n", command->name);
    return COMMAND_LINE_WRONG;
}

static enum command_line take_operands(const struct command *command, int argc, char *argv[],
                                       struct invocation *ret_invocation)
{
    assert(command->operands_max <= COMMAND_OPERANDS_MAX);
    int count = argc - optind;
    if (count < command->operands_min) {
        cli_exit_usage("%s requires %s", command->name, command->operands);
        return wrong(command);
    }
    if (count > command->operands_max) {
        cli_exit_usage("%s: unexpected argument \"%s\"", command->name,
                       argv[optind + command->operands_max]);
        return wrong(command);
    }
    for (int i = 0; i < count; i++)
        ret_invocation->operands[i] = argv[optind + i];
    return COMMAND_LINE_RUN;
}

/* `typed`: "--name" or "--name=value" */
static void suggest_option(const struct command *command, const char *typed)
{
    const char *name = typed + strspn(typed, "-");
    struct luna_suggestion suggestion = {.typed = name, .typed_len = strcspn(name, "=")};
    for (const struct command_option *option = command->options; option->name; option++)
        luna_suggest_compare(&suggestion, option->name, strlen(option->name));
    luna_suggest_compare(&suggestion, "json", strlen("json"));
    luna_suggest_compare(&suggestion, "help", strlen("help"));
    if (suggestion.nearest)
        fprintf(stderr, "Did you mean: --%s\n", suggestion.nearest);
}

/* Explains why getopt_long() rejected an option: `optopt` is 0 for an unknown long option, else a
 * letter or one of our own numbers. */
static enum command_line refuse_option(const struct command *command, int got, char *argv[])
{
    if (got == ':')
        cli_exit_usage("%s requires a value", argv[optind - 1]);
    else if (optopt >= OPTION_JSON)
        cli_exit_usage("%.*s does not take a value", (int)strcspn(argv[optind - 1], "="),
                       argv[optind - 1]);
    else if (optopt != 0)
        cli_exit_usage("%s: unknown option \"-%c\"", command->name, optopt);
    else {
        cli_exit_usage("%s: unknown option \"%s\"", command->name, argv[optind - 1]);
        suggest_option(command, argv[optind - 1]);
    }
    return wrong(command);
}

/* The last of two values would win, and nobody would see that the first is lost. */
static bool take_option(const struct command *command, int index, struct invocation *ret_invocation)
{
    const char **value = &ret_invocation->option_values[index];
    if (*value != NULL && command->options[index].value != NULL) {
        cli_exit_usage("%s: --%s occurs more than once", command->name,
                       command->options[index].name);
        return false;
    }
    *value = optarg ? optarg : "";
    return true;
}

enum command_line command_read(const struct command *command, int argc, char *argv[],
                               struct invocation *ret_invocation)
{
    struct option options[COMMAND_OPTIONS_MAX + 4];
    fill_long_options(command, options);
    *ret_invocation = (struct invocation){.command = command};
    opterr = 0;
    optind = 0; /* glibc: restart the scan */
    int got;
    while ((got = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (got == 'h' || got == OPTION_HELP)
            return COMMAND_LINE_HELP;
        if (got == ':' || got == '?')
            return refuse_option(command, got, argv);
        if (got == OPTION_JSON)
            ret_invocation->json = true;
        else if (got == OPTION_YES)
            ret_invocation->yes = true;
        else if (!take_option(command, got - OPTION_OWN, ret_invocation))
            return wrong(command);
    }
    return take_operands(command, argc, argv, ret_invocation);
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
    for (int i = 0; invocation->command->options[i].name; i++) {
        if (strcmp(invocation->command->options[i].name, name) == 0)
            return invocation->option_values[i];
    }
    assert(!"the command does not declare this option");
    return NULL;
}

bool invocation_integer(const char *what, const char *text, int64_t min, int64_t max,
                        int64_t *ret_value)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits =
        (text[0] >= '0' && text[0] <= '9') || (text[0] == '-' && text[1] >= '0' && text[1] <= '9');
    if (!digits || *end != '\0' || errno != 0 || value < min || value > max) {
        cli_exit_usage("%s is \"%s\"; expected an integer from %" PRId64 " to %" PRId64, what, text,
                       min, max);
        return false;
    }
    *ret_value = value;
    return true;
}

static void print_synopsis(const struct command *command)
{
    printf("luna %s%s%s%s", command->name, command->options[0].name ? " [options]" : "",
           command->operands ? " " : "", command->operands ? command->operands : "");
}

static void print_option(const char *name, const char *value, const char *help)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, value ? " " : "", value ? value : "");
    if (strlen(left) > OPTION_COLUMN) {
        printf("  %s\n", left);
        left[0] = '\0';
    }
    printf("  %-*s %s\n", OPTION_COLUMN, left, help);
}

void command_print_help(const struct command *command)
{
    fputs("Usage: ", stdout);
    print_synopsis(command);
    printf("\n\n%s.\n", command->summary);
    if (command->details)
        printf("\n%s\n", command->details);
    fputs("\nOptions\n", stdout);
    for (const struct command_option *option = command->options; option->name; option++)
        print_option(option->name, option->value, option->help);
    if (command->destroys)
        print_option("yes", NULL, "do not ask for confirmation");
    print_option("json", NULL, "print JSON");
    print_option("help", NULL, "show this help");
    printf("\nExample\n  %s\n\nSettings and exit statuses: luna --help\n", command->example);
}

static void print_line(const struct command *command)
{
    char left[96];
    snprintf(left, sizeof left, "%s%s%s", command->name, command->operands ? " " : "",
             command->operands ? command->operands : "");
    printf("  %-*s %s\n", NAME_COLUMN, left, command->summary);
}

void command_print_overview(const struct command *table)
{
    fputs("Usage: luna COMMAND [options]\n\nCommands (luna COMMAND --help for details)\n", stdout);
    for (const struct command *command = table; command->name; command++)
        print_line(command);
}

static bool is_in_group(const struct command *command, const char *word)
{
    size_t len = strlen(word);
    return strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
}

bool command_is_group(const struct command *table, const char *word)
{
    for (const struct command *command = table; command->name; command++) {
        if (is_in_group(command, word))
            return true;
    }
    return false;
}

bool command_print_group(const struct command *table, const char *word)
{
    if (!command_is_group(table, word))
        return false;
    printf("Commands of luna %s\n", word);
    for (const struct command *command = table; command->name; command++) {
        if (is_in_group(command, word))
            print_line(command);
    }
    return true;
}
