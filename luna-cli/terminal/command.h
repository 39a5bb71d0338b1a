/*
 * command.h: what a command of `luna` is, and how its command line is read.
 *
 * commands.c holds the one table of them. A command declares its operands and options there;
 * reading them, --help, --json and every usage error come from the declaration. A handler sees an
 * invocation that already fits it. Secrets are never operands or options: other users can read a
 * command line.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "terminal/exit_status.h"

#include <stdbool.h>
#include <stdint.h>

enum { COMMAND_OPTIONS_MAX = 12, COMMAND_OPERANDS_MAX = 4 };

struct command_option {
    const char *name;  /* without its dashes */
    const char *value; /* what the help calls its value; NULL: a switch */
    const char *help;
};

struct invocation {
    const struct command *command;
    bool json; /* --json: answer in JSON */
    const char *operands[COMMAND_OPERANDS_MAX];
    /* NULL: not given; a switch that is given holds "" */
    const char *option_values[COMMAND_OPTIONS_MAX];
};

struct command {
    const char *name;     /* one or two words: "account create" */
    const char *operands; /* as help shows them: "NAME"; NULL: none */
    int operands_min, operands_max;
    const char *summary; /* one line */
    const char *details; /* more for --help; NULL: nothing more */
    struct command_option options[COMMAND_OPTIONS_MAX + 1]; /* ends with name == NULL */
    enum cli_exit (*run)(const struct invocation *invocation);
    /* For a command that reads its own line, --help included: argv[0] is the command's name.
     * Then `run` is NULL. */
    int (*run_own_line)(int argc, char **argv);
};

/* The longest command whose words begin argv[1…]; NULL: none. `ret_words` is how many words it
 * took. */
const struct command *command_find(const struct command *table, int argc, char *const argv[],
                                   int *ret_words);

enum command_line { COMMAND_LINE_RUN, COMMAND_LINE_HELP, COMMAND_LINE_WRONG };

/* Reads the words after the command's name; a fault is printed with a hint at --help. */
enum command_line command_read(const struct command *command, int argc, char *argv[],
                               struct invocation *ret_invocation);

/* The value of an option that the command declares, or NULL when it was not given. */
const char *invocation_option(const struct invocation *invocation, const char *name);
/* Reads `text` as a whole number in [min, max]; `what` names it in the printed fault. */
bool invocation_integer(const char *what, const char *text, int64_t min, int64_t max,
                        int64_t *ret_value);

void command_print_help(const struct command *command);
/* The page of `luna --help`. */
void command_print_overview(const struct command *table);
/* The commands whose first word is `word`; false: there is none. */
bool command_print_group(const struct command *table, const char *word);

#endif
