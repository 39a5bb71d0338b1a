#include "journal/page.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum luna_code luna_journal_page_map(int dir_fd, struct luna_journal_page **ret_page,
                                     struct luna_error *err)
{
    assert(dir_fd >= 0);
    int fd = openat(dir_fd, "page", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "journal: page: %s", strerror(errno));
    /* A new file is filled with zeros; one that has this size already is not changed. */
    void *page = MAP_FAILED;
    if (ftruncate(fd, (off_t)sizeof(struct luna_journal_page)) == 0)
        page =
            mmap(NULL, sizeof(struct luna_journal_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int saved = errno;
    close(fd);
    if (page == MAP_FAILED)
        return luna_error_set(err, LUNA_EIO, "journal: page: %s", strerror(saved));
    *ret_page = page;
    return LUNA_OK;
}

void luna_journal_page_unmap(struct luna_journal_page *page)
{
    if (page != NULL)
        munmap(page, sizeof *page);
}
