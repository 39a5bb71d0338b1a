#include "commands/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 12 };

/* The command line of the program that has the steps: it is a script, because most of them are
 * those of PostgreSQL's and systemd's own programs. */
struct line {
    const char *words[WORDS_MAX];
    int count;
};

static void line_add_option(struct line *line, const struct invocation *invocation,
                            const char *name, const char *spelt)
{
    const char *value = invocation_option(invocation, name);
    if (value == NULL)
        return;
    line->words[line->count++] = spelt;
    line->words[line->count++] = value;
}

/* Returns only when the program cannot be started. */
static enum cli_exit line_run(const struct line *line)
{
    /* execvp() takes words that it does not change. */
    union {
        const char *const *given;
        char *const *taken;
    } words = {.given = line->words};
    (void)fflush(stdout);
    (void)execvp(line->words[0], words.taken);
    const char *name = line->words[0];
    if (errno == ENOENT)
        (void)fprintf(stderr,
                      "luna: %s is not in PATH. The package luna-worker has it, for root. In a "
                      "checkout: scripts/%s;\nin containers: docs/OPERATIONS.md, \"Backups\".\n",
                      name, name + sizeof "luna-" - 1);
    else
        (void)fprintf(stderr, "luna: %s: %s\n", name, strerror(errno));
    return CLI_FAILED;
}

enum cli_exit cmd_backup(const struct invocation *invocation)
{
    struct line line = {.words = {"luna-backup"}, .count = 1};
    line_add_option(&line, invocation, "to", "--to");
    line_add_option(&line, invocation, "keep", "--keep");
    line_add_option(&line, invocation, "encrypt-to", "--encrypt-to");
    return line_run(&line);
}

enum cli_exit cmd_restore(const struct invocation *invocation)
{
    struct line line = {.words = {"luna-restore"}, .count = 1};
    line_add_option(&line, invocation, "identity", "--identity");
    if (invocation->operands[0] != NULL)
        line.words[line.count++] = invocation->operands[0];
    return line_run(&line);
}
