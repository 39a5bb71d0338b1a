#include "terminal/command.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMN = 36 };

static void print_synopsis(const struct command *command)
{
    printf("luna %s%s%s%s", command->name, command->options[0].name ? " [options]" : "",
           command->operands ? " " : "", command->operands ? command->operands : "");
}

static void print_option(const char *name, const char *value, const char *help)
{
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, value ? " " : "", value ? value : "");
    printf("  %-26s %s\n", left, help);
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
    print_option("json", NULL, "answer in JSON, for machines");
    print_option("help", NULL, "this page");
    fputs("\nSettings and exit statuses: luna --help\n", stdout);
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
    fputs("Usage: luna COMMAND [options]\n\nCommands (luna COMMAND --help says more)\n", stdout);
    for (const struct command *command = table; command->name; command++)
        print_line(command);
}

bool command_print_group(const struct command *table, const char *word)
{
    size_t len = strlen(word);
    bool any = false;
    for (const struct command *command = table; command->name; command++) {
        if (strncmp(command->name, word, len) == 0 && command->name[len] == ' ') {
            if (!any)
                printf("Commands of luna %s\n", word);
            any = true;
            print_line(command);
        }
    }
    return any;
}
