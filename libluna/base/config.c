#include "luna/base/config.h"

#include "luna/base/env_file.h"
#include "luna/base/secret_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 65536, NAME_BYTES_MAX = 128 };

/* The longest line of help text fits a 100-column terminal. */
enum { TEXT_COLUMNS = 96, HELP_INDENT = 6 };

/* Where values come from. */
struct source {
    const char *(*get)(const char *name);
    const struct luna_env_file *file; /* for what `get` does not set; NULL: none */
};

const char *luna_config_env(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): read once at start, before any thread */
}

static void *member(const struct luna_setting *setting, void *target)
{
    return (char *)target + setting->offset;
}

/* A value as an error message may quote it: a secret is hidden. */
static const char *shown(const struct luna_setting *setting, const char *text)
{
    return (setting->flags & LUNA_SETTING_SECRET) != 0 ? "(secret)" : text;
}

static enum luna_code set_int(const struct luna_setting *setting, const char *text, void *target,
                              struct luna_error *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool digits = text[0] == '-' || (text[0] >= '0' && text[0] <= '9');
    if (!digits || *end != '\0' || errno != 0 || value < setting->min || value > setting->max)
        return luna_error_set(
            err, LUNA_ECONFIG, "%s is \"%s\"; expected an integer from %lld to %lld", setting->name,
            shown(setting, text), (long long)setting->min, (long long)setting->max);
    *(int64_t *)member(setting, target) = value;
    return LUNA_OK;
}

static enum luna_code set_bool(const struct luna_setting *setting, const char *text, void *target,
                               struct luna_error *err)
{
    static const char *const words[] = {"off", "on", "false", "true", "0", "1", "no", "yes"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *(bool *)member(setting, target) = i % 2 == 1;
            return LUNA_OK;
        }
    }
    return luna_error_set(err, LUNA_ECONFIG, "%s is \"%s\"; expected on or off", setting->name,
                          shown(setting, text));
}

static void join_choices(const struct luna_setting *setting, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; setting->choices[i] != NULL && used < size; i++) {
        int wrote =
            snprintf(out + used, size - used, "%s%s", i > 0 ? ", " : "", setting->choices[i]);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}

static enum luna_code set_enum(const struct luna_setting *setting, const char *text, void *target,
                               struct luna_error *err)
{
    for (int i = 0; setting->choices[i] != NULL; i++) {
        if (strcmp(text, setting->choices[i]) == 0) {
            *(int *)member(setting, target) = i;
            return LUNA_OK;
        }
    }
    char choices[128];
    join_choices(setting, choices, sizeof choices);
    return luna_error_set(err, LUNA_ECONFIG, "%s is \"%s\"; expected one of: %s", setting->name,
                          shown(setting, text), choices);
}

static enum luna_code set_string(const struct luna_setting *setting, const char *text, void *target,
                                 struct luna_error *err)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "%s: out of memory", setting->name);
    *(char **)member(setting, target) = copy;
    return LUNA_OK;
}

static enum luna_code set_value(const struct luna_setting *setting, const char *text, void *target,
                                struct luna_error *err)
{
    switch (setting->type) {
    case LUNA_SETTING_STRING:
        return set_string(setting, text, target, err);
    case LUNA_SETTING_INT:
        return set_int(setting, text, target, err);
    case LUNA_SETTING_BOOL:
        return set_bool(setting, text, target, err);
    case LUNA_SETTING_ENUM:
        return set_enum(setting, text, target, err);
    }
    return luna_error_set(err, LUNA_EINVAL, "%s: unknown setting type", setting->name);
}

/* Reads until the end of the file or until `size` bytes, which means that the file is too long. */
static ssize_t read_whole(int fd, char *out, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, out + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static enum luna_code check_secret(int fd, const char *name, const char *path,
                                   struct luna_error *err)
{
    char what[NAME_BYTES_MAX + sizeof " names"];
    (void)snprintf(what, sizeof what, "%s names", name);
    return luna_secret_file_check(fd, what, path, err);
}

static enum luna_code read_secret(const char *name, const char *path, char *out, size_t size,
                                  struct luna_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return luna_error_set(err, LUNA_ECONFIG, "%s names %s, which cannot be opened: %s", name,
                              path, strerrordesc_np(errno));
    if (check_secret(fd, name, path, err) != LUNA_OK) {
        close(fd);
        return LUNA_ECONFIG;
    }
    ssize_t got = read_whole(fd, out, size);
    int read_errno = errno;
    close(fd);
    if (got < 0)
        return luna_error_set(err, LUNA_ECONFIG, "%s names %s, which cannot be read: %s", name,
                              path, strerrordesc_np(read_errno));
    if ((size_t)got == size)
        return luna_error_set(err, LUNA_ECONFIG, "%s names %s, which is longer than %zu bytes",
                              name, path, size - 1);
    size_t len = (size_t)got;
    if (len > 0 && out[len - 1] == '\n')
        len--;
    if (len > 0 && out[len - 1] == '\r')
        len--;
    out[len] = '\0';
    if (len == 0 || strlen(out) != len)
        return luna_error_set(err, LUNA_ECONFIG,
                              "%s names %s, which is empty or contains a NUL byte", name, path);
    return LUNA_OK;
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum luna_code load_from_file(const struct luna_setting *setting, const char *file_name,
                                     const char *path, void *target, struct luna_error *err)
{
    char *text = calloc(1, FILE_BYTES_MAX + 1);
    if (text == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "%s: out of memory", setting->name);
    enum luna_code code = read_secret(file_name, path, text, FILE_BYTES_MAX + 1, err);
    if (code == LUNA_OK)
        code = set_value(setting, text, target, err);
    explicit_bzero(text, FILE_BYTES_MAX + 1);
    free(text);
    return code;
}

/* An empty variable counts as unset, because some environments cannot unset one. */
static const char *source_get(const struct source *source, const char *name)
{
    const char *text = source->get(name);
    return is_given(text) ? text : luna_env_file_get(source->file, name);
}

static enum luna_code load_setting(const struct luna_setting *setting, const struct source *source,
                                   void *target, struct luna_error *err)
{
    const char *text = source_get(source, setting->name);
    bool secret = (setting->flags & LUNA_SETTING_SECRET) != 0;
    if (secret) {
        char file_name[NAME_BYTES_MAX];
        /* truncated, it would be the name of another variable */
        assert(strlen(setting->name) + sizeof "_FILE" <= sizeof file_name);
        snprintf(file_name, sizeof file_name, "%s_FILE", setting->name);
        const char *path = source_get(source, file_name);
        if (is_given(path) && is_given(text))
            return luna_error_set(err, LUNA_ECONFIG, "%s and %s are both set; keep one of them",
                                  setting->name, file_name);
        if (is_given(path))
            return load_from_file(setting, file_name, path, target, err);
        if (is_given(text) && !is_given(source->get(setting->name)) &&
            luna_env_file_keeps_secret(source->file, setting->name, err) != LUNA_OK)
            return LUNA_ECONFIG;
    }
    if (is_given(text))
        return set_value(setting, text, target, err);
    if ((setting->flags & LUNA_SETTING_REQUIRED) != 0)
        return luna_error_set(err, LUNA_ECONFIG, "%s is not set%s; expected: %s", setting->name,
                              secret ? ", nor is the same name with _FILE" : "", setting->help);
    if (setting->default_text != NULL)
        return set_value(setting, setting->default_text, target, err);
    return LUNA_OK;
}

static enum luna_code load_table(const struct luna_setting *table, const struct source *source,
                                 void *target, struct luna_error *err)
{
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        if (setting->type == LUNA_SETTING_STRING)
            *(char **)member(setting, target) = NULL;
    }
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        enum luna_code code = load_setting(setting, source, target, err);
        if (code != LUNA_OK) {
            luna_config_done(table, target);
            return code;
        }
    }
    return LUNA_OK;
}

enum luna_code luna_config_load(const struct luna_setting *table,
                                const char *(*get)(const char *name), void *target,
                                struct luna_error *err)
{
    return load_table(table, &(struct source){.get = get}, target, err);
}

enum luna_code luna_config_load_with_file(const struct luna_setting *table,
                                          const char *(*get)(const char *name), void *target,
                                          struct luna_error *err)
{
    const char *path = get("LUNA_ENV_FILE");
    struct luna_env_file *file = NULL;
    enum luna_code code = is_given(path) ? luna_env_file_read(path, &file, err) : LUNA_OK;
    if (code == LUNA_OK)
        code = load_table(table, &(struct source){.get = get, .file = file}, target, err);
    luna_env_file_free(file);
    return code;
}

static size_t member_bytes(const struct luna_setting *setting)
{
    switch (setting->type) {
    case LUNA_SETTING_STRING:
        return sizeof(char *);
    case LUNA_SETTING_INT:
        return sizeof(int64_t);
    case LUNA_SETTING_BOOL:
        return sizeof(bool);
    case LUNA_SETTING_ENUM:
        return sizeof(int);
    }
    return 0;
}

/* Says whether the value differed. */
static enum luna_code keep(const struct luna_setting *setting, const void *running, void *fresh,
                           bool *ret_differed, struct luna_error *err)
{
    const void *from = (const char *)running + setting->offset;
    if (setting->type != LUNA_SETTING_STRING) {
        *ret_differed = memcmp(from, member(setting, fresh), member_bytes(setting)) != 0;
        memcpy(member(setting, fresh), from, member_bytes(setting));
        return LUNA_OK;
    }
    const char *text = *(char *const *)from;
    char **to = member(setting, fresh);
    *ret_differed = text == NULL ? *to != NULL : *to == NULL || strcmp(text, *to) != 0;
    if (!*ret_differed)
        return LUNA_OK;
    free(*to);
    *to = NULL;
    return text == NULL ? LUNA_OK : set_string(setting, text, fresh, err);
}

enum luna_code luna_config_keep_fixed(const struct luna_setting *table, const void *running,
                                      void *fresh, char *ret_names, size_t size,
                                      struct luna_error *err)
{
    size_t used = 0;
    ret_names[0] = '\0';
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        bool differed = false;
        if ((setting->flags & LUNA_SETTING_RELOADABLE) != 0)
            continue;
        enum luna_code code = keep(setting, running, fresh, &differed, err);
        if (code != LUNA_OK)
            return code;
        if (differed && used < size) /* a list that does not fit is cut off */
            used += (size_t)snprintf(ret_names + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     setting->name);
    }
    return LUNA_OK;
}

void luna_config_done(const struct luna_setting *table, void *target)
{
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        if (setting->type != LUNA_SETTING_STRING)
            continue;
        char **text = member(setting, target);
        if (*text != NULL && (setting->flags & LUNA_SETTING_SECRET) != 0)
            explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
    }
}

static void put_wrapped(struct luna_buf *out, const char *indent, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = 0;
        while (text[word] != '\0' && text[word] != ' ')
            word++;
        if (column > 0 && column + 1 + word > TEXT_COLUMNS - HELP_INDENT) {
            luna_buf_putc(out, '\n');
            column = 0;
        }
        luna_buf_puts(out, column == 0 ? indent : " ");
        luna_buf_append(out, text, word);
        column += word + (column == 0 ? 0 : 1);
        text += word;
        while (*text == ' ')
            text++;
    }
    luna_buf_putc(out, '\n');
}

/* a, b or c */
static void put_choices(const char *const *choices, struct luna_buf *out)
{
    for (int i = 0; choices[i] != NULL; i++) {
        if (i > 0)
            luna_buf_puts(out, choices[i + 1] == NULL ? " or " : ", ");
        luna_buf_puts(out, choices[i]);
    }
}

static void put_range(const struct luna_setting *setting, struct luna_buf *out)
{
    switch (setting->type) {
    case LUNA_SETTING_STRING:
        luna_buf_puts(out, "text");
        break;
    case LUNA_SETTING_INT:
        luna_buf_printf(out, "integer from %lld to %lld", (long long)setting->min,
                        (long long)setting->max);
        break;
    case LUNA_SETTING_BOOL:
        luna_buf_puts(out, "on or off");
        break;
    case LUNA_SETTING_ENUM:
        put_choices(setting->choices, out);
        break;
    }
}

static void put_traits(const struct luna_setting *setting, struct luna_buf *out)
{
    const char *quote = setting->type == LUNA_SETTING_ENUM ? "`" : "";
    put_range(setting, out);
    if ((setting->flags & LUNA_SETTING_REQUIRED) != 0)
        luna_buf_puts(out, "; required");
    else if (setting->default_text != NULL)
        luna_buf_printf(out, "; default: %s%s%s", quote, setting->default_text, quote);
    if ((setting->flags & LUNA_SETTING_SECRET) != 0)
        luna_buf_printf(out, "; secret: %s_FILE can name a file instead", setting->name);
    if ((setting->flags & LUNA_SETTING_RELOADABLE) != 0)
        luna_buf_puts(out, "; reloaded on SIGHUP");
}

void luna_config_help(const struct luna_setting *table, struct luna_buf *out)
{
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        luna_buf_printf(out, "  %s\n", setting->name);
        put_wrapped(out, "      ", setting->help);
        luna_buf_puts(out, "      (");
        put_traits(setting, out);
        luna_buf_puts(out, ")\n");
    }
}

void luna_config_example(const struct luna_setting *table, const char *program,
                         struct luna_buf *out)
{
    luna_buf_printf(out,
                    "# Settings of %s: environment variables, one per line. A commented line shows "
                    "the default.\n"
                    "# Generated by `%s --config-example`.\n",
                    program, program);
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        luna_buf_putc(out, '\n');
        put_wrapped(out, "# ", setting->help);
        luna_buf_puts(out, "# (");
        put_traits(setting, out);
        luna_buf_puts(out, ")\n");
        bool required = (setting->flags & LUNA_SETTING_REQUIRED) != 0;
        luna_buf_printf(out, "%s%s=%s\n", required ? "" : "#", setting->name,
                        setting->default_text != NULL ? setting->default_text : "");
    }
}
