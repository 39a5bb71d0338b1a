#include "commands/completion.h"

#include "commands/complete.h"
#include "commands/handlers.h"
#include "luna/base/escape.h"
#include "luna/store/account.h"
#include "luna/store/plan.h"
#include "session/cli_config.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_TIMEOUT_MS = 2000, NAMES_MAX = 200, PREFIX_BYTES = 64 };

/* Each script passes the words to `luna --complete`. */
static const char bash_script[] =
    "# bash completion for luna(1), printed by: luna completion bash\n"
    "_luna() {\n"
    "  local line\n"
    "  COMPREPLY=()\n"
    "  while IFS= read -r line; do\n"
    "    if [[ $line == :files ]]; then\n"
    "      compopt -o default 2>/dev/null\n"
    "    else\n"
    "      COMPREPLY+=(\"$(printf %q \"${line%%$'\\t'*}\")\")\n"
    "    fi\n"
    "  done < <(\"${COMP_WORDS[0]}\" --complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -F _luna luna\n";

static const char zsh_script[] =
    "#compdef luna\n"
    "# zsh completion for luna(1), printed by: luna completion zsh\n"
    "_luna() {\n"
    "  local -a described\n"
    "  local line files=0\n"
    "  while IFS= read -r line; do\n"
    "    if [[ $line == :files ]]; then\n"
    "      files=1\n"
    "    else\n"
    "      described+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    fi\n"
    "  done < <(\"${words[1]}\" --complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "  if (( files )); then _files; else _describe -V luna described; fi\n"
    "}\n"
    "if [ \"$funcstack[1]\" = _luna ]; then _luna \"$@\"; else compdef _luna luna; fi\n";

static const char fish_script[] =
    "# fish completion for luna(1), printed by: luna completion fish\n"
    "function __luna_words\n"
    "  set -l words (commandline -opc)\n"
    "  set -l last (commandline -ct)\n"
    "  for line in ($words[1] --complete $words[2..-1] \"$last\" 2>/dev/null)\n"
    "    if test \"$line\" = :files\n"
    "      __fish_complete_path (commandline -ct)\n"
    "    else\n"
    "      echo $line\n"
    "    end\n"
    "  end\n"
    "end\n"
    "complete -c luna -f -a '(__luna_words)'\n";

enum cli_exit cmd_completion(const struct invocation *invocation)
{
    static const struct {
        const char *shell, *script;
    } scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(invocation->operands[0], scripts[i].shell) == 0) {
            fputs(scripts[i].script, stdout);
            return CLI_OK;
        }
    }
    return cli_exit_usage("the shell is \"%s\"; expected bash, zsh or fish",
                          invocation->operands[0]);
}

/* A name with a control character would end the line or reach the terminal: it is left out. */
static void print_word(void *prefix, const char *word, const char *description)
{
    for (const char *at = word; *at != '\0'; at++)
        if (luna_escape_control_length(at, strlen(at)) != 0)
            return;
    printf("%s%s\t%s\n", (const char *)prefix, word, description);
}

struct wanted {
    void *prefix;      /* for print_word() */
    const char *start; /* what the names have to start with */
};

static bool print_account(void *context, const struct luna_account *account)
{
    const struct wanted *wanted = context;
    char description[64];
    snprintf(description, sizeof description, "account %lld", (long long)account->id);
    print_word(wanted->prefix, account->name, description);
    return true;
}

static bool print_plan(void *context, const struct luna_plan *plan)
{
    const struct wanted *wanted = context;
    if (strncmp(plan->name, wanted->start, strlen(wanted->start)) == 0)
        print_word(wanted->prefix, plan->name, "plan");
    return true;
}

static bool print_key(void *context, const struct luna_key *key)
{
    const struct wanted *wanted = context;
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)key->id);
    if (strncmp(id, wanted->start, strlen(wanted->start)) == 0)
        print_word(wanted->prefix, id, key->prefix);
    return true;
}

static enum luna_code list_names(struct luna_database *database, const char *kind,
                                 struct wanted *wanted, const char *account, struct luna_error *err)
{
    if (strcmp(kind, "ACCOUNT") == 0) {
        const struct luna_account_filter filter = {.name_start = wanted->start,
                                                   .count_max = NAMES_MAX};
        return luna_account_list(database, &filter, print_account, wanted, err);
    }
    if (strcmp(kind, "PLAN") == 0)
        return luna_plan_list(database, NULL, NAMES_MAX, print_plan, wanted, err);
    const struct luna_key_filter live = {.status = LUNA_KEYS_LIVE};
    struct luna_account found;
    enum luna_code code = luna_account_find(database, account, &found, err);
    return code == LUNA_OK ? luna_key_list(database, found.id, &live, print_key, wanted, err)
                           : code;
}

/* A terminal that waits for a name must not wait for long, and needs no error message. */
static void print_names(void *context, const char *kind, const char *start, const char *account)
{
    struct wanted wanted = {.prefix = context, .start = start};
    struct cli_config config;
    struct luna_database *database = NULL;
    struct luna_error ignored;
    bool account_or_plan = strcmp(kind, "ACCOUNT") == 0 || strcmp(kind, "PLAN") == 0;
    if (strcmp(kind, "FILE") == 0)
        puts(":files");
    if ((!account_or_plan && (strcmp(kind, "KEY_ID") != 0 || !account)) ||
        cli_config_load(&config, &ignored) != LUNA_OK)
        return;
    if (config.database_url &&
        luna_database_new(config.database_url, NAMES_TIMEOUT_MS, &database, &ignored) == LUNA_OK)
        (void)(list_names(database, kind, &wanted, account, &ignored) == LUNA_OK);
    luna_database_free(database);
    cli_config_done(&config);
}

/* bash splits "--plan=daily" at its "="; of zsh and fish it is one word, and what completes it
 * starts with `prefix`, "--plan=". */
static int split_words(int argc, char **argv, char *words[COMPLETION_WORDS_MAX],
                       char prefix[PREFIX_BYTES])
{
    static char nothing[1];
    int count = 0;
    for (int i = 1; i < argc && count < COMPLETION_WORDS_MAX - 1; i++) {
        bool last = i + 1 == argc;
        char *equals = strchr(argv[i], '=');
        if (strcmp(argv[i], "=") == 0) {
            if (last)
                words[count++] = nothing;
            continue;
        }
        words[count++] = argv[i];
        if (last && equals && strncmp(argv[i], "--", 2) == 0) {
            snprintf(prefix, PREFIX_BYTES, "%.*s", (int)(equals + 1 - argv[i]), argv[i]);
            *equals = '\0';
            words[count++] = equals + 1;
        }
    }
    if (count == 0)
        words[count++] = nothing;
    return count;
}

void completion_print(const struct command *table, int argc, char **argv)
{
    char *words[COMPLETION_WORDS_MAX];
    char prefix[PREFIX_BYTES] = "";
    struct completion completion = {.table = table,
                                    .words = words,
                                    .count = split_words(argc, argv, words, prefix),
                                    .offer = print_word,
                                    .name = print_names,
                                    .context = prefix};
    complete_words(&completion);
}
