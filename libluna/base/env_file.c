#include "luna/base/env_file.h"

#include "luna/base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRIES_MAX = 256 };

struct entry {
    const char *name;
    const char *value;
};

struct luna_env_file {
    struct luna_error exposure; /* code LUNA_OK: it may hold secrets */
    size_t entry_count;
    struct entry entries[ENTRIES_MAX];
    char text[LUNA_ENV_FILE_BYTES_MAX + 1]; /* split in place */
};

static enum luna_code read_text(struct luna_env_file *file, const char *path,
                                struct luna_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return luna_error_set(err, LUNA_ECONFIG, "%s: %s", path, strerrordesc_np(errno));
    file->exposure.code = luna_secret_file_check(fd, "is in", path, &file->exposure);
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, file->text + len, LUNA_ENV_FILE_BYTES_MAX - len)) > 0 ||
           (got < 0 && errno == EINTR))
        len += got > 0 ? (size_t)got : 0;
    int read_errno = errno;
    close(fd);
    if (got < 0)
        return luna_error_set(err, LUNA_ECONFIG, "%s: %s", path, strerrordesc_np(read_errno));
    if (len == LUNA_ENV_FILE_BYTES_MAX)
        return luna_error_set(err, LUNA_ECONFIG, "%s: longer than %d bytes", path,
                              LUNA_ENV_FILE_BYTES_MAX - 1);
    if (memchr(file->text, '\0', len))
        return luna_error_set(err, LUNA_ECONFIG, "%s: contains a NUL byte", path);
    file->text[len] = '\0';
    return LUNA_OK;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        len--;
    text[len] = '\0';
    return text;
}

/* Removes one pair of quotes; false when the closing quote is missing. */
static bool unquote(char **value)
{
    char quote = (*value)[0];
    if (quote != '"' && quote != '\'')
        return true;
    size_t len = strlen(*value);
    if (len < 2 || (*value)[len - 1] != quote)
        return false;
    (*value)[len - 1] = '\0';
    (*value)++;
    return true;
}

static bool is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
    return name[0] != '\0' && strchr(letters, name[0]) && name[strspn(name, word)] == '\0';
}

static enum luna_code take_line(struct luna_env_file *file, char *line, const char *path,
                                int line_number, struct luna_error *err)
{
    line = trim(line);
    if (line[0] == '\0' || line[0] == '#')
        return LUNA_OK;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return luna_error_set(err, LUNA_ECONFIG, "%s:%d: expected NAME=value", path, line_number);
    *equals = '\0';
    char *name = trim(line);
    char *value = trim(equals + 1);
    if (!is_name(name))
        return luna_error_set(err, LUNA_ECONFIG, "%s:%d: \"%s\" is not a valid variable name", path,
                              line_number, name);
    if (!unquote(&value))
        return luna_error_set(err, LUNA_ECONFIG, "%s:%d: the value of %s lacks its closing quote",
                              path, line_number, name);
    if (file->entry_count == ENTRIES_MAX)
        return luna_error_set(err, LUNA_ECONFIG, "%s:%d: more than %d settings", path, line_number,
                              ENTRIES_MAX);
    file->entries[file->entry_count++] = (struct entry){name, value};
    return LUNA_OK;
}

enum luna_code luna_env_file_read(const char *path, struct luna_env_file **ret_file,
                                  struct luna_error *err)
{
    struct luna_env_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "out of memory reading %s", path);
    enum luna_code code = read_text(file, path, err);
    char *rest = file->text;
    for (int line_number = 1; code == LUNA_OK && rest; line_number++) {
        char *line = strsep(&rest, "\n");
        code = take_line(file, line, path, line_number, err);
    }
    if (code != LUNA_OK) {
        luna_env_file_free(file);
        return code;
    }
    *ret_file = file;
    return LUNA_OK;
}

void luna_env_file_free(struct luna_env_file *file)
{
    if (file != NULL)
        explicit_bzero(file->text, sizeof file->text); /* it may hold secrets */
    free(file);
}

enum luna_code luna_env_file_keeps_secret(const struct luna_env_file *file, const char *name,
                                          struct luna_error *err)
{
    if (file == NULL || file->exposure.code == LUNA_OK)
        return LUNA_OK;
    return luna_error_set(err, LUNA_ECONFIG, "%s %s", name, file->exposure.msg);
}

const char *luna_env_file_get(const struct luna_env_file *file, const char *name)
{
    for (size_t i = file ? file->entry_count : 0; i > 0; i--) {
        if (strcmp(file->entries[i - 1].name, name) == 0)
            return file->entries[i - 1].value;
    }
    return NULL;
}
