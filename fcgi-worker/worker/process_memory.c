#include "worker/process_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t process_resident_bytes(void)
{
    static int fd = -1;
    static pid_t opened_by;
    char text[128];
    /* /proc/self is the process that opened it: not a parent's, after fork */
    if (opened_by != getpid()) {
        opened_by = getpid();
        fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    }
    ssize_t len = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    if (len <= 0)
        return 0;
    text[len] = '\0';
    char *resident = NULL;
    (void)strtoull(text, &resident, 10);
    char *shared = NULL;
    unsigned long long resident_pages = strtoull(resident, &shared, 10);
    unsigned long long shared_pages = strtoull(shared, NULL, 10);
    return (resident_pages - shared_pages) * (uint64_t)sysconf(_SC_PAGESIZE);
}
