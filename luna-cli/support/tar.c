#include "support/tar.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_BYTES = 512 };

/* A header of ustar: numbers are octal digits. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], device[16], prefix[155], padding[12];
};
static_assert(sizeof(struct header) == BLOCK_BYTES, "a header is one block");

enum luna_code tar_create(const char *path, struct tar *ret_tar, struct luna_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return luna_error_set(err, errno == EEXIST ? LUNA_ECONFLICT : LUNA_EIO, "%s: %s", path,
                              strerror(errno));
    *ret_tar = (struct tar){.fd = fd, .path = path};
    return LUNA_OK;
}

static enum luna_code write_all(const struct tar *tar, const void *data, size_t len,
                                struct luna_error *err)
{
    const char *at = data;
    while (len > 0) {
        ssize_t wrote = write(tar->fd, at, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return luna_error_set(err, LUNA_EIO, "%s: %s", tar->path, strerror(errno));
        at += wrote;
        len -= (size_t)wrote;
    }
    return LUNA_OK;
}

static void fill_header(const char *name, size_t len, struct header *ret_header)
{
    struct header header = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    snprintf(header.name, sizeof header.name, "%s", name);
    snprintf(header.mode, sizeof header.mode, "%07o", 0600);
    snprintf(header.uid, sizeof header.uid, "%07o", 0);
    snprintf(header.gid, sizeof header.gid, "%07o", 0);
    snprintf(header.size, sizeof header.size, "%011zo", len);
    snprintf(header.mtime, sizeof header.mtime, "%011llo", (unsigned long long)time(NULL));
    /* The sum counts its own field as spaces. */
    memset(header.checksum, ' ', sizeof header.checksum);
    const unsigned char *bytes = (const unsigned char *)&header;
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof header; i++)
        sum += bytes[i];
    snprintf(header.checksum, sizeof header.checksum, "%06o", sum & 0777777);
    *ret_header = header;
}

enum luna_code tar_add(const struct tar *tar, const char *name, const char *data, size_t len,
                       struct luna_error *err)
{
    static const char zeros[BLOCK_BYTES];
    struct header header;
    assert(strlen(name) < sizeof header.name);
    fill_header(name, len, &header);
    enum luna_code code = write_all(tar, &header, sizeof header, err);
    if (code == LUNA_OK)
        code = write_all(tar, data, len, err);
    if (code == LUNA_OK)
        code = write_all(tar, zeros, (BLOCK_BYTES - len % BLOCK_BYTES) % BLOCK_BYTES, err);
    return code;
}

enum luna_code tar_close(struct tar *tar, struct luna_error *err)
{
    static const char end[2 * BLOCK_BYTES];
    enum luna_code code = write_all(tar, end, sizeof end, err);
    if (close(tar->fd) != 0 && code == LUNA_OK)
        code = luna_error_set(err, LUNA_EIO, "%s: %s", tar->path, strerror(errno));
    return code;
}
