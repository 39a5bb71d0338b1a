#include "terminal/confirm.h"

#include "luna/base/escape.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As a shell reads it. */
static void print_word(const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,@%+=";
    if (word[0] != '\0' && strspn(word, plain) == strlen(word)) {
        fputs(word, stderr);
        return;
    }
    fputc('\'', stderr);
    while (*word != '\0') {
        size_t control = luna_escape_control_length(word, strlen(word));
        fputs(control != 0 ? "?" : *word == '\'' ? "'\\''" : (const char[]){*word, '\0'}, stderr);
        word += control != 0 ? control : 1;
    }
    fputc('\'', stderr);
}

static void print_command_line(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    fprintf(stderr, "luna %s --yes", command->name);
    for (int i = 0; command->options[i].name; i++) {
        const char *value = invocation->option_values[i];
        if (!value)
            continue;
        fprintf(stderr, " --%s", command->options[i].name);
        if (command->options[i].value) {
            fputc(' ', stderr);
            print_word(value);
        }
    }
    if (invocation->json)
        fputs(" --json", stderr);
    fputs(invocation->operands[0] && invocation->operands[0][0] == '-' ? " --" : "", stderr);
    for (int i = 0; i < command->operands_max && invocation->operands[i]; i++) {
        fputc(' ', stderr);
        print_word(invocation->operands[i]);
    }
    fputc('\n', stderr);
}

static bool agreed(void)
{
    char answer[16];
    if (!fgets(answer, sizeof answer, stdin))
        return false;
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
}

static void ask(const struct invocation *invocation)
{
    fprintf(stderr, "luna %s", invocation->command->name);
    for (int i = 0; i < invocation->command->operands_max && invocation->operands[i]; i++) {
        fputc(' ', stderr);
        print_word(invocation->operands[i]);
    }
    fprintf(stderr, ": %s.\nContinue? [y/N] ", invocation->command->destroys);
    fflush(stderr);
}

enum cli_exit confirm_destruction(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    if (!command->destroys || invocation->yes ||
        (command->harmless_with && invocation_option(invocation, command->harmless_with)))
        return CLI_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        cli_exit_usage("%s needs a confirmation, and there is no terminal to ask on. To confirm, "
                       "run:",
                       command->name);
        fputs("  ", stderr);
        print_command_line(invocation);
        return CLI_USAGE;
    }
    ask(invocation);
    if (agreed())
        return CLI_OK;
    fputs("luna: nothing was changed\n", stderr);
    return CLI_FAILED;
}
