#include "luna/base/process_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CS_PER_S = 100, STAT_START = 22, STAT_VIRTUAL = 23, STAT_RESIDENT = 24, STAT_STATE = 3 };

/* The start time is computed once per process: recomputed for every scrape, it would jitter with
 * the wall clock. */
struct start {
    pid_t pid;
    int64_t wall_cs;
};

void luna_metrics_put_build(struct luna_buf *out, const char *program, const char *version)
{
    luna_buf_printf(out,
                    "# HELP luna_build_info Always 1; the labels describe the build.\n# TYPE "
                    "luna_build_info gauge\n"
                    "luna_build_info{program=\"%s\",version=\"%s\",compiler=\"%s\"} 1\n",
                    program, version, __VERSION__);
}

static void put(struct luna_buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    luna_buf_printf(out, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %" PRIu64 "\n",
                    name, help, name, type, name, value);
}

static void put_cs(struct luna_buf *out, const char *name, const char *type, const char *help,
                   uint64_t cs)
{
    luna_buf_printf(out,
                    "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %" PRIu64 ".%02u\n",
                    name, help, name, type, name, cs / CS_PER_S, (unsigned)(cs % CS_PER_S));
}

/* /proc/self/stat by field number, as proc(5) counts them. Fields before STAT_STATE are not
 * numbers. */
static bool read_stat(uint64_t *fields, int count)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL)
        return false;
    size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    char *at = strrchr(text, ')');
    if (at == NULL || at[1] == '\0' || at[2] == '\0')
        return false;
    at += 3; /* past ") " and the state letter */
    for (int i = STAT_STATE + 1; i < count; i++)
        fields[i] = strtoull(at, &at, 10);
    return true;
}

static int64_t clock_cs(clockid_t clock)
{
    struct timespec now = {.tv_sec = 0};
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * CS_PER_S + now.tv_nsec / (1000000000 / CS_PER_S);
}

static uint64_t start_cs(uint64_t ticks_after_boot)
{
    static struct start start;
    if (start.pid != getpid()) {
        int64_t after_boot_cs =
            (int64_t)(ticks_after_boot * CS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
        start.pid = getpid();
        start.wall_cs = clock_cs(CLOCK_REALTIME) - clock_cs(CLOCK_BOOTTIME) + after_boot_cs;
    }
    return start.wall_cs < 0 ? 0 : (uint64_t)start.wall_cs;
}

static void put_fds(struct luna_buf *out)
{
    struct rlimit limit;
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder != NULL) {
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
            count += entry->d_name[0] != '.';
        (void)closedir(folder);
        /* without the one of this opendir() */
        put(out, "open_fds", "gauge", "Open file descriptors.", count - 1);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put(out, "max_fds", "gauge", "Maximum number of open file descriptors.", limit.rlim_cur);
}

void luna_metrics_put_process(struct luna_buf *out)
{
    uint64_t fields[STAT_RESIDENT + 1] = {0};
    put_cs(out, "cpu_seconds_total", "counter", "User and system time, in seconds.",
           (uint64_t)clock_cs(CLOCK_PROCESS_CPUTIME_ID));
    put_fds(out);
    if (!read_stat(fields, STAT_RESIDENT + 1))
        return;
    put(out, "virtual_memory_bytes", "gauge", "Virtual memory.", fields[STAT_VIRTUAL]);
    put(out, "resident_memory_bytes", "gauge", "Resident memory.",
        fields[STAT_RESIDENT] * (uint64_t)sysconf(_SC_PAGESIZE));
    put_cs(out, "start_time_seconds", "gauge", "When the process started, since 1970-01-01 UTC.",
           start_cs(fields[STAT_START]));
}
