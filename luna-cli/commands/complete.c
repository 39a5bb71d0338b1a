#include "commands/complete.h"

#include "series/kalman_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORD_BYTES_MAX = 128 };

static bool starts_with(const char *word, const char *start)
{
    return strncmp(word, start, strlen(start)) == 0;
}

static const char *last_word(const struct completion *c)
{
    return c->words[c->count - 1];
}

static void offer(const struct completion *c, const char *word, const char *description)
{
    if (starts_with(word, last_word(c)))
        c->offer(c->context, word, description);
}

/* The words of the commands' names that follow `first` (NULL: the first words), each once: names
 * with the same first word stand together in the table. */
static void offer_names(const struct completion *c, const char *first)
{
    char before[WORD_BYTES_MAX] = "";
    for (const struct command *command = c->table; command->name; command++) {
        const char *space = strchr(command->name, ' ');
        size_t first_len = space ? (size_t)(space - command->name) : strlen(command->name);
        char word[WORD_BYTES_MAX];
        snprintf(word, sizeof word, "%.*s", (int)first_len, command->name);
        if (first) {
            if (space && strcmp(word, first) == 0)
                offer(c, space + 1, command->summary);
        } else if (strcmp(word, before) != 0) {
            offer(c, word, space ? "" : command->summary);
        }
        memcpy(before, word, sizeof before);
    }
}

static void offer_option(const struct completion *c, const char *name, const char *description)
{
    char word[WORD_BYTES_MAX];
    snprintf(word, sizeof word, "--%s", name);
    offer(c, word, description);
}

static void offer_options(const struct completion *c, const struct command *command)
{
    for (const struct command_option *option = command->options; option->name; option++)
        offer_option(c, option->name, option->help);
    if (command->run_own_line) {
        for (int i = 0; kalman_line_option(i); i++)
            offer_option(c, kalman_line_option(i), "");
        return;
    }
    if (command->destroys)
        offer_option(c, "yes", "do not ask for a confirmation");
    offer_option(c, "json", "print JSON");
    offer_option(c, "help", "show this help");
}

/* `kind` is how help shows a value: "ACCOUNT", or words to choose from: "none|day|month". What is
 * written in capitals is a name. */
static void offer_values(const struct completion *c, const char *kind, const char *account)
{
    for (size_t len; *kind != '\0'; kind += len + (kind[len] == '|')) {
        char word[WORD_BYTES_MAX];
        len = strcspn(kind, "|");
        snprintf(word, sizeof word, "%.*s", (int)len, kind);
        if (word[0] >= 'A' && word[0] <= 'Z')
            c->name(c->context, word, last_word(c), account);
        else
            offer(c, word, "");
    }
}

static const struct command_option *option_of(const struct command *command, const char *word)
{
    for (const struct command_option *option = command->options; option->name; option++)
        if (starts_with(word, "--") && strcmp(word + 2, option->name) == 0)
            return option;
    return NULL;
}

/* The n-th word of "ACCOUNT KEY_ID". */
static bool operand_kind(const struct command *command, int n, char out[WORD_BYTES_MAX])
{
    const char *at = command->operands ? command->operands : "";
    for (; n > 0 && *at != '\0'; n--) {
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    snprintf(out, WORD_BYTES_MAX, "%.*s", (int)strcspn(at, " "), at);
    return out[0] != '\0';
}

static void complete_operand(const struct completion *c, const struct command *command, int from)
{
    const char *first = NULL;
    char kind[WORD_BYTES_MAX];
    int operands = 0;
    for (int i = from; i < c->count - 1; i++) {
        const struct command_option *option = option_of(command, c->words[i]);
        if (option && option->value)
            i++;
        else if (!starts_with(c->words[i], "-")) {
            first = operands == 0 ? c->words[i] : first;
            operands++;
        }
    }
    if (operand_kind(command, operands, kind))
        offer_values(c, kind, first);
}

/* The command whose name the words before the last one are or start with. */
static const struct command *find(const struct completion *c, int *ret_words)
{
    char *argv[3] = {NULL}; /* the first is the program's, which nothing looks at */
    int argc = 1;
    for (; argc < c->count && argc <= 2; argc++)
        argv[argc] = c->words[argc - 1];
    return command_find(c->table, argc, argv, ret_words);
}

void complete_words(const struct completion *c)
{
    int name_words = 0;
    const struct command *command = find(c, &name_words);
    if (c->count == 1)
        offer_names(c, NULL);
    if (c->count == 2)
        offer_names(c, c->words[0]);
    if (!command)
        return;
    const struct command_option *option =
        c->count > name_words + 1 ? option_of(command, c->words[c->count - 2]) : NULL;
    if (option && option->value)
        offer_values(c, option->value, NULL);
    else if (starts_with(last_word(c), "-"))
        offer_options(c, command);
    else if (command->run_own_line)
        c->name(c->context, "FILE", last_word(c), NULL);
    else
        complete_operand(c, command, name_words);
}
