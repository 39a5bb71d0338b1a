/*
 * skewed_clock.c: a wall clock that a test can set, for one server: LD_PRELOAD of this, and
 * LUNA_TEST_CLOCK, the name of a file with the difference to the real clock: microseconds, an
 * int64_t. The file is mapped, so a change is seen at once. The monotonic clocks are not changed.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, US_PER_S = 1000000, NS_PER_US = 1000 };

static volatile const int64_t *skew_us;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("LUNA_TEST_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *skew_us, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        skew_us = map;
}

static void real_time(clockid_t clock, struct timespec *ret_time)
{
    (void)syscall(SYS_clock_gettime, clock, ret_time);
    if (skew_us == NULL || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return;
    int64_t us = *skew_us + ret_time->tv_nsec / NS_PER_US;
    int64_t seconds = us / US_PER_S, rest_us = us % US_PER_S;
    if (rest_us < 0) {
        seconds--;
        rest_us += US_PER_S;
    }
    ret_time->tv_sec += seconds;
    ret_time->tv_nsec = rest_us * NS_PER_US + ret_time->tv_nsec % NS_PER_US;
}

/* libc declares their arguments as never NULL. */
int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    real_time(clock, ret_time);
    return 0;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    real_time(CLOCK_REALTIME, &now);
    *ret_time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / NS_PER_US};
    return 0;
}

time_t time(time_t *ret_time)
{
    struct timespec now;
    real_time(CLOCK_REALTIME, &now);
    if (ret_time != NULL)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}
