#include "folder.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[256];
static pid_t owner;

void fuzz_folder_empty(void)
{
    DIR *stream = opendir(folder);
    assert(stream != NULL);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
    (void)closedir(stream);
}

static void remove_folder(void)
{
    if (getpid() != owner)
        return;
    fuzz_folder_empty();
    (void)rmdir(folder);
}

const char *fuzz_folder(void)
{
    const char *parent = getenv("TMPDIR");
    if (folder[0] != '\0')
        return folder;
    (void)snprintf(folder, sizeof folder, "%s/luna-fuzz-XXXXXX", parent != NULL ? parent : "/tmp");
    const char *made = mkdtemp(folder);
    assert(made != NULL);
    owner = getpid();
    (void)atexit(remove_folder);
    return folder;
}

const char *fuzz_file(const char *name, const void *bytes, size_t len)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    ssize_t written = write(fd, bytes, len);
    assert(written == (ssize_t)len);
    close(fd);
    return path;
}
