/*
 * luna: the operator's tool. Finds the command, reads its command line, and runs it.
 */
#include "commands/commands.h"
#include "commands/completion.h"
#include "session/cli_config.h"
#include "terminal/command.h"
#include "terminal/confirm.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_BYTES_MAX = 64 * 1024 };

static void print_settings(void (*render)(struct luna_buf *out))
{
    struct luna_buf page;
    luna_buf_init(&page, PAGE_BYTES_MAX);
    render(&page);
    fwrite(page.data, 1, page.len, stdout);
    luna_buf_done(&page);
}

static void render_help(struct luna_buf *out)
{
    luna_config_help(cli_settings, out);
}

static void render_example(struct luna_buf *out)
{
    luna_config_example(cli_settings, "luna", out);
}

static void print_help(void)
{
    command_print_overview(cli_commands);
    fputs("\n  luna --help | --version | --config-example\n\nSettings (environment variables)\n",
          stdout);
    print_settings(render_help);
    fputs("\nExit statuses\n", stdout);
#define X(name, number, meaning) printf("  %2d  %s\n", number, meaning);
    CLI_EXIT_TABLE(X)
#undef X
}

static enum cli_exit refuse_command(int argc, char *argv[])
{
    bool two_words = argc > 2 && argv[2][0] != '-' && command_is_group(cli_commands, argv[1]);
    cli_exit_usage("unknown command \"%s%s%s\"", argv[1], two_words ? " " : "",
                   two_words ? argv[2] : "");
    command_suggest(cli_commands, argc, argv);
    fputs("Try: luna --help\n", stderr);
    return CLI_USAGE;
}

/* `luna`, `luna --help`, `luna account`, `luna nonsense` */
static enum cli_exit run_without_command(int argc, char *argv[])
{
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--complete") == 0) {
        completion_print(cli_commands, argc - 1, argv + 1);
    } else if (strcmp(word, "--version") == 0) {
        puts("luna " LUNA_VERSION);
    } else if (strcmp(word, "--config-example") == 0) {
        print_settings(render_example);
    } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
               strcmp(word, "help") == 0) {
        print_help();
    } else if (argc > 2 && strcmp(argv[2], "--help") != 0) {
        return refuse_command(argc, argv);
    } else if (!command_print_group(cli_commands, word)) {
        return refuse_command(argc, argv);
    }
    return argc > 1 ? CLI_OK : CLI_USAGE;
}

static int run_command(const struct command *command, int argc, char *argv[])
{
    if (command->run_own_line)
        return command->run_own_line(argc, argv);
    struct invocation invocation;
    enum cli_exit status;
    switch (command_read(command, argc, argv, &invocation)) {
    case COMMAND_LINE_RUN:
        status = confirm_destruction(&invocation);
        return (int)(status == CLI_OK ? command->run(&invocation) : status);
    case COMMAND_LINE_HELP:
        command_print_help(command);
        return CLI_OK;
    case COMMAND_LINE_WRONG:
        break;
    }
    return CLI_USAGE;
}

int main(int argc, char *argv[])
{
    int words = 0;
    const struct command *command = command_find(cli_commands, argc, argv, &words);
    int status = command ? run_command(command, argc - words, argv + words)
                         : (int)run_without_command(argc, argv);
    /* Lost output, on a full disk for example, must not look like success. */
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("luna: cannot write the output\n", stderr);
        return status == CLI_OK ? CLI_FAILED : status;
    }
    return status;
}
