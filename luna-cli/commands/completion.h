/*
 * completion.h: what `luna --complete WORD…` prints for the completion scripts of the shells.
 */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "terminal/command.h"

/* Prints a line for every word that may stand for the last one: the word, a tab, its description.
 * ":files" stands for the names of files. argv[0] is skipped; the rest is changed. */
void completion_print(const struct command *table, int argc, char **argv);

#endif
