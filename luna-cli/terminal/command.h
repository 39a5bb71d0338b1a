/*
 * command.h: the declaration of a command of `luna`, and how its command line is read.
 *
 * commands.c holds the table of commands. A command declares its operands and options there;
 * reading them, --help, --json and every usage error follow from the declaration. A handler
 * receives an invocation that already matches it. Secrets are never operands or options: every user
 * of the machine can read a command line.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "terminal/exit_status.h"

#include <stdbool.h>
#include <stdint.h>

enum { COMMAND_OPTIONS_MAX = 12, COMMAND_OPERANDS_MAX = 4 };

struct command_option {
    const char *name;  /* without the leading "--" */
    const char *value; /* the name of its value in the help; NULL: a switch */
    const char *help;
};

struct invocation {
    const struct command *command;
    bool json; /* --json: answer in JSON */
    bool yes;  /* --yes: do not ask; only for a command that destroys something */
    const char *operands[COMMAND_OPERANDS_MAX];
    /* NULL: not given; a switch that was given holds "" */
    const char *option_values[COMMAND_OPTIONS_MAX];
};

struct command {
    const char *name;     /* one or two words: "account create" */
    const char *operands; /* as help shows them: "NAME"; NULL: none */
    int operands_min, operands_max;
    const char *summary; /* one line */
    const char *details; /* more for --help; NULL: nothing more */
    /* What the command destroys, as the question says it; NULL: nothing, and there is no --yes. */
    const char *destroys;
    const char *harmless_with; /* the option with which it destroys nothing; NULL: none does */
    const char *example;       /* one command line, for --help; NULL only with run_own_line */
    struct command_option options[COMMAND_OPTIONS_MAX + 1]; /* ends with name == NULL */
    enum cli_exit (*run)(const struct invocation *invocation);
    /* Instead of `run`, for a command that reads its own command line, --help included. argv[0] is
     * the name of the command. */
    int (*run_own_line)(int argc, char **argv);
};

/* The command with the longest name that matches argv[1…]; NULL: none. *ret_words is the number of
 * words of its name. */
const struct command *command_find(const struct command *table, int argc, char *const argv[],
                                   int *ret_words);

/* Prints on standard error the command that was probably meant by argv[1…], which no command
 * matches; nothing when no name is near. */
void command_suggest(const struct command *table, int argc, char *const argv[]);

enum command_line { COMMAND_LINE_RUN, COMMAND_LINE_HELP, COMMAND_LINE_WRONG };

/* Reads what follows the name of the command; prints a usage error with a hint at --help. */
enum command_line command_read(const struct command *command, int argc, char *argv[],
                               struct invocation *ret_invocation);

/* The value of an option that the command declares, or NULL when it was not given. */
const char *invocation_option(const struct invocation *invocation, const char *name);
/* Reads `text` as an integer in [min, max]; on failure prints an error that names `what`. */
bool invocation_integer(const char *what, const char *text, int64_t min, int64_t max,
                        int64_t *ret_value);

void command_print_help(const struct command *command);
/* The list of commands in `luna --help`. */
void command_print_overview(const struct command *table);
/* Do commands of two words begin with `word`? */
bool command_is_group(const struct command *table, const char *word);
/* Lists the commands whose first word is `word`; false: there is none. */
bool command_print_group(const struct command *table, const char *word);

#endif
