#include "commands/handlers.h"

#include "session/cli_config.h"
#include "session/http_get.h"
#include "support/program_output.h"
#include "support/scrub.h"
#include "support/tar.h"
#include "terminal/output.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TEXT_BYTES_MAX = 4 << 20,
    LOG_BYTES_MAX = 512 * 1024,
    LOGS_MAX = 64,
    PROGRAM_TIMEOUT_MS = 20000,
    PAGE_TIMEOUT_MS = 5000,
    NAME_BYTES_MAX = 100,
    PATH_BYTES_MAX = 4096,
    SECRET_BYTES_MAX = 4096
};

struct bundle {
    struct tar tar;
    struct scrub scrub;
    struct luna_buf text, scrubbed; /* of the file that is being added */
    struct luna_buf notes;          /* programs that failed, for a file of its own */
    int64_t files;
    enum luna_code code; /* of the archive: the first error */
    struct luna_error err;
};

/* Adds what `text` holds, without secrets, and empties it. */
static void add(struct bundle *bundle, const char *name)
{
    luna_buf_clear(&bundle->scrubbed);
    scrub_text(&bundle->scrub, bundle->text.data ? bundle->text.data : "", bundle->text.len,
               &bundle->scrubbed);
    if (bundle->code == LUNA_OK)
        bundle->code =
            tar_add(&bundle->tar, name, bundle->scrubbed.data ? bundle->scrubbed.data : "",
                    bundle->scrubbed.len, &bundle->err);
    bundle->files++;
    luna_buf_clear(&bundle->text);
}

static void add_program(struct bundle *bundle, const char *name, char *const argv[])
{
    program_output(argv, PROGRAM_TIMEOUT_MS, &bundle->text, &bundle->notes);
    add(bundle, name);
}

/* What this program says when it is asked by itself: one that fails hides no other. */
static void add_commands(struct bundle *bundle)
{
    static const struct {
        const char *name, *words[3];
    } commands[] = {{"luna-version.txt", {"--version"}},
                    {"health.json", {"health", "--json"}},
                    {"status.json", {"status", "--json"}},
                    {"migrations.json", {"migrate", "status", "--json"}},
                    {"plans.json", {"plan", "list", "--json"}},
                    {"peppers.json", {"key", "peppers", "--json"}}};
    for (size_t i = 0; i < OUTPUT_COUNT(commands); i++) {
        char self[] = "/proc/self/exe";
        char words[3][16] = {"", "", ""};
        char *argv[5] = {self};
        for (int w = 0; w < 3 && commands[i].words[w]; w++) {
            snprintf(words[w], sizeof words[w], "%s", commands[i].words[w]);
            argv[w + 1] = words[w];
        }
        add_program(bundle, commands[i].name, argv);
    }
}

static void add_page(struct bundle *bundle, const char *name, const char *address,
                     const char *setting)
{
    struct luna_error err;
    int http_status = 0;
    if (!address)
        luna_buf_printf(&bundle->text, "%s is not set\n", setting);
    else if (http_get(address, "/metrics", luna_deadline_in_ms(PAGE_TIMEOUT_MS), &http_status,
                      &bundle->text, &err) != LUNA_OK)
        luna_buf_printf(&bundle->text, "%s\n", err.msg);
    add(bundle, name);
}

/* The last lines of a file, at most `bytes_max` bytes of them: a part of a line could be a part of
 * a secret. `flags` are more of open(). False: it is not a file that can be read. */
static bool read_tail(const char *path, int flags, size_t bytes_max, struct luna_buf *out)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    if (fd < 0)
        return false;
    bool regular = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    char skipped = '\n';
    if (regular && about.st_size > (off_t)bytes_max)
        regular = lseek(fd, -(off_t)bytes_max, SEEK_END) >= 0 && read(fd, &skipped, 1) == 1;
    while (regular && skipped != '\n' && read(fd, &skipped, 1) == 1)
        ;
    size_t left = regular ? bytes_max : 0;
    while (left > 0) {
        char *space = luna_buf_reserve(out, left);
        ssize_t got = space ? read(fd, space, left) : 0;
        if (got <= 0)
            break;
        luna_buf_advance(out, (size_t)got);
        left -= (size_t)got;
    }
    close(fd);
    return regular;
}

/* "NAME=value" of a file of settings, cut into both; false: another line. */
struct setting {
    const char *name, *value;
    size_t name_len, value_len;
};

static bool cut_setting(const char *line, size_t len, struct setting *ret_setting)
{
    const char *equals = memchr(line, '=', len);
    if (!equals || line[0] == '#')
        return false;
    struct setting setting = {line, equals + 1, (size_t)(equals - line),
                              len - (size_t)(equals - line) - 1};
    const char *value = setting.value;
    if (setting.value_len >= 2 && (*value == '"' || *value == '\'') &&
        value[setting.value_len - 1] == *value) {
        setting.value++;
        setting.value_len -= 2;
    }
    *ret_setting = setting;
    return true;
}

static void put_setting(struct bundle *bundle, const char *line, size_t len)
{
    struct setting setting;
    if (!cut_setting(line, len, &setting))
        return;
    bool secret = scrub_name_is_secret(setting.name, setting.name_len);
    luna_buf_printf(&bundle->scrubbed, "%.*s=%.*s\n", (int)setting.name_len, setting.name,
                    secret ? (int)strlen("[removed]") : (int)setting.value_len,
                    secret ? "[removed]" : setting.value);
}

/* NAME_FILE=path, where NAME is a secret: the text of that file. */
static void learn_secret_file(struct bundle *bundle, const struct setting *setting)
{
    static const char ending[] = "_FILE";
    char path[PATH_BYTES_MAX];
    struct luna_buf text;
    size_t end = strlen(ending);
    if (setting->name_len <= end ||
        memcmp(setting->name + setting->name_len - end, ending, end) != 0 ||
        !scrub_name_is_secret(setting->name, setting->name_len - end))
        return;
    snprintf(path, sizeof path, "%.*s", (int)setting->value_len, setting->value);
    luna_buf_init(&text, SECRET_BYTES_MAX + 1);
    bool read = read_tail(path, 0, SECRET_BYTES_MAX, &text);
    luna_buf_putc(&text, '\0');
    if (read && !text.overflow)
        scrub_know(&bundle->scrub, text.data, strcspn(text.data, "\r\n"));
    luna_buf_done(&text);
}

static void learn_setting(struct bundle *bundle, const char *line, size_t len)
{
    struct setting setting;
    if (!cut_setting(line, len, &setting))
        return;
    if (scrub_name_is_secret(setting.name, setting.name_len))
        scrub_know(&bundle->scrub, setting.value, setting.value_len);
    else
        learn_secret_file(bundle, &setting);
}

typedef void (*line_verb)(struct bundle *bundle, const char *line, size_t len);

static void each_line(struct bundle *bundle, const struct luna_buf *text, line_verb verb)
{
    for (size_t at = 0; at < text->len;) {
        const char *line = text->data + at;
        const char *end = memchr(line, '\n', text->len - at);
        size_t len = end ? (size_t)(end - line) : text->len - at;
        verb(bundle, line, len);
        at += len + 1;
    }
}

typedef void (*file_verb)(struct bundle *bundle, const char *path, const char *name);

/* The regular files of a folder whose names have this ending, in any order. */
static void each_file(struct bundle *bundle, const char *folder, const char *ending, file_verb verb)
{
    DIR *dir = opendir(folder);
    int count = 0;
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) && count < LOGS_MAX;) {
        char path[PATH_BYTES_MAX];
        size_t len = strlen(entry->d_name), end = strlen(ending);
        if (len <= end || strcmp(entry->d_name + len - end, ending) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        verb(bundle, path, entry->d_name);
        count++;
    }
    closedir(dir);
}

static void learn_file(struct bundle *bundle, const char *path, const char *name)
{
    (void)name;
    if (read_tail(path, 0, LOG_BYTES_MAX, &bundle->text))
        each_line(bundle, &bundle->text, learn_setting);
    luna_buf_clear(&bundle->text);
}

static void put_settings_file(struct bundle *bundle, const char *path, const char *name)
{
    char in_archive[NAME_BYTES_MAX];
    luna_buf_clear(&bundle->scrubbed);
    if (read_tail(path, 0, LOG_BYTES_MAX, &bundle->text))
        each_line(bundle, &bundle->text, put_setting);
    luna_buf_clear(&bundle->text);
    luna_buf_append(&bundle->text, bundle->scrubbed.data, bundle->scrubbed.len);
    snprintf(in_archive, sizeof in_archive, "settings/%.80s", name);
    add(bundle, in_archive);
}

static void put_log(struct bundle *bundle, const char *path, const char *name)
{
    char in_archive[NAME_BYTES_MAX];
    /* Others than root write there: a link may lead anywhere. */
    if (!read_tail(path, O_NOFOLLOW, LOG_BYTES_MAX, &bundle->text))
        return;
    snprintf(in_archive, sizeof in_archive, "logs/%.80s", name);
    add(bundle, in_archive);
}

static void each_of_environment(struct bundle *bundle, line_verb verb)
{
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, "LUNA_", strlen("LUNA_")) == 0)
            verb(bundle, *entry, strlen(*entry));
}

static const char *chosen(const struct invocation *invocation, const char *option,
                          const char *usual)
{
    const char *given = invocation_option(invocation, option);
    return given ? given : usual;
}

/* First of all: the secrets of every file of settings, wherever they turn up later. */
static void learn(struct bundle *bundle, const struct invocation *invocation)
{
    const char *env_file = getenv("LUNA_ENV_FILE"); /* NOLINT(concurrency-mt-unsafe): one thread */
    each_of_environment(bundle, learn_setting);
    if (env_file)
        learn_file(bundle, env_file, "");
    each_file(bundle, chosen(invocation, "settings", "/etc/luna"), ".env", learn_file);
}

static void add_settings(struct bundle *bundle, const struct invocation *invocation)
{
    luna_buf_clear(&bundle->scrubbed);
    each_of_environment(bundle, put_setting);
    luna_buf_append(&bundle->text, bundle->scrubbed.data, bundle->scrubbed.len);
    add(bundle, "settings/environment.txt");
    each_file(bundle, chosen(invocation, "settings", "/etc/luna"), ".env", put_settings_file);
}

static void add_logs(struct bundle *bundle, const struct invocation *invocation)
{
    const char *folder = invocation_option(invocation, "logs");
    char *journal[] = {(char[]){"journalctl"},
                       (char[]){"--no-pager"},
                       (char[]){"--output=short-iso"},
                       (char[]){"--lines=2000"},
                       (char[]){"--unit=luna-*"},
                       (char[]){"--unit=quota-syncd"},
                       NULL};
    if (folder) {
        each_file(bundle, folder, ".log", put_log);
        return;
    }
    each_file(bundle, "/var/log/luna", ".log", put_log);
    each_file(bundle, "/var/log/luna-daemons", ".log", put_log);
    add_program(bundle, "journal.txt", journal);
}

static void add_versions(struct bundle *bundle)
{
    char *system[] = {(char[]){"uname"}, (char[]){"-srvm"}, NULL};
    char *packages[] = {(char[]){"dpkg-query"},   (char[]){"--show"}, (char[]){"luna-*"},
                        (char[]){"libkalman*"},   (char[]){"nginx*"}, (char[]){"redis-server"},
                        (char[]){"postgresql-*"}, (char[]){"libpq5"}, NULL};
    add_program(bundle, "system.txt", system);
    add_program(bundle, "packages.txt", packages);
}

static enum luna_code fill(struct bundle *bundle, const struct invocation *invocation,
                           const struct cli_config *config)
{
    learn(bundle, invocation);
    add_versions(bundle);
    add_commands(bundle);
    add_settings(bundle, invocation);
    add_page(bundle, "metrics-workers.txt", config->monitor_listen, "LUNA_MONITOR_LISTEN");
    add_page(bundle, "metrics-quota-syncd.txt", config->syncd_listen, "LUNA_METRICS_LISTEN");
    add_logs(bundle, invocation);
    luna_buf_append(&bundle->text, bundle->notes.data, bundle->notes.len);
    add(bundle, "failed-programs.txt");
    struct luna_error err;
    enum luna_code closed = tar_close(&bundle->tar, &err);
    if (bundle->code == LUNA_OK && closed != LUNA_OK)
        bundle->err = err;
    return bundle->code == LUNA_OK ? closed : bundle->code;
}

static void name_file(const struct invocation *invocation, char path[PATH_BYTES_MAX])
{
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    if (invocation->operands[0])
        snprintf(path, PATH_BYTES_MAX, "%s", invocation->operands[0]);
    else
        strftime(path, PATH_BYTES_MAX, "luna-support-%Y%m%dT%H%M%SZ.tar", &utc);
}

enum cli_exit cmd_support_bundle(const struct invocation *invocation)
{
    char path[PATH_BYTES_MAX];
    struct cli_config config;
    struct bundle bundle = {.code = LUNA_OK};
    /* Wrong settings may be the fault that is to be reported; the commands name them. */
    bool loaded = cli_config_load(&config, &bundle.err) == LUNA_OK;
    name_file(invocation, path);
    enum luna_code code = tar_create(path, &bundle.tar, &bundle.err);
    if (code == LUNA_OK) {
        luna_buf_init(&bundle.text, TEXT_BYTES_MAX);
        luna_buf_init(&bundle.scrubbed, 2 * TEXT_BYTES_MAX);
        luna_buf_init(&bundle.notes, TEXT_BYTES_MAX);
        code = fill(&bundle, invocation, loaded ? &config : &(struct cli_config){0});
        luna_buf_done(&bundle.text);
        luna_buf_done(&bundle.scrubbed);
        luna_buf_done(&bundle.notes);
        scrub_done(&bundle.scrub);
    }
    if (loaded)
        cli_config_done(&config);
    if (code != LUNA_OK)
        return cli_exit_report(&bundle.err);
    const struct cell cells[] = {CELL_T("file", path), CELL_I("files", bundle.files)};
    output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    return CLI_OK;
}
