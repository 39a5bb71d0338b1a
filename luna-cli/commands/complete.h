/*
 * complete.h: what may stand at the end of a command line, for the completion of a shell. A pure
 * function of the table of commands; the names of accounts and plans come from the caller.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "terminal/command.h"

/* The last of `words`, which may be empty, is completed; the first one follows "luna". */
struct completion {
    const struct command *table;
    char *const *words;
    int count; /* 1 or more */
    /* Receives what fits. `description` is "" when there is none. */
    void (*offer)(void *context, const char *word, const char *description);
    /* A name that the stores have: `kind` is ACCOUNT, PLAN, KEY_ID or FILE, `start` what it starts
     * with, `account` the operand before it (NULL: none). */
    void (*name)(void *context, const char *kind, const char *start, const char *account);
    void *context;
};

enum { COMPLETION_WORDS_MAX = 64 };

void complete_words(const struct completion *completion);

#endif
