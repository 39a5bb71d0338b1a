#include "journal/page.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its size, and a place on the disk for each byte: a write to mapped memory that finds the disk
 * full would end the process by SIGBUS. A new file is filled with zeros; one that is whole is not
 * changed. Returns an errno. */
static int allocate(int fd)
{
    const off_t size = (off_t)sizeof(struct luna_journal_page);
    struct stat info;
    if (fstat(fd, &info) != 0 || (info.st_size != size && ftruncate(fd, size) != 0))
        return errno;
    return info.st_size == size && info.st_blocks * 512 >= size ? 0 : posix_fallocate(fd, 0, size);
}

enum luna_code luna_journal_page_map(int dir_fd, struct luna_journal_page **ret_page,
                                     struct luna_error *err)
{
    assert(dir_fd >= 0);
    int fd = openat(dir_fd, "page", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: page: %s", strerror(errno));
    void *page = MAP_FAILED;
    int failed = allocate(fd);
    if (failed == 0) {
        page =
            mmap(NULL, sizeof(struct luna_journal_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        failed = errno;
    }
    close(fd);
    if (page == MAP_FAILED)
        return luna_error_set(err, LUNA_EIO, "journal: page: %s", strerror(failed));
    *ret_page = page;
    return LUNA_OK;
}

void luna_journal_page_unmap(struct luna_journal_page *page)
{
    if (page != NULL)
        munmap(page, sizeof *page);
}
