#include "luna/base/reload.h"

#include "luna/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    FRESH_BYTES = PATH_BYTES + 8,
    TEXT_BYTES = LUNA_RELOAD_NOTE_BYTES + 128,
    POLL_NS = 20 * 1000 * 1000
};

static enum luna_code path_of(const char *dir, const char *name, char path[PATH_BYTES],
                              struct luna_error *err)
{
    int len = snprintf(path, PATH_BYTES, "%s/reload.%s", dir, name);
    return len > 0 && len < PATH_BYTES
               ? LUNA_OK
               : luna_error_set(err, LUNA_EIO, "the path of the outcome is too long");
}

enum luna_code luna_reload_report(const char *dir, const char *name,
                                  const struct luna_reload_outcome *outcome, struct luna_error *err)
{
    char path[PATH_BYTES], fresh[FRESH_BYTES], text[TEXT_BYTES];
    enum luna_code code = path_of(dir, name, path, err);
    if (code != LUNA_OK)
        return code;
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    int len =
        snprintf(text, sizeof text, "%ld %d %" PRId64 " %d %.*s\n", (long)getpid(), outcome->signal,
                 outcome->began_ns, outcome->done, LUNA_RELOAD_NOTE_BYTES - 1, outcome->note);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && write(fd, text, (size_t)len) == len && rename(fresh, path) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    return written ? LUNA_OK
                   : luna_error_set(err, LUNA_EIO, "cannot write %s: %s", path,
                                    strerrordesc_np(reason));
}

/* The outcome in `text`, whose note it then points to. False: it is malformed. */
static bool parse(char *text, pid_t *ret_pid, struct luna_reload_outcome *ret_outcome)
{
    char *rest = text;
    long long fields[4];
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char *end = NULL;
        fields[i] = strtoll(rest, &end, 10);
        if (end == rest || *end != ' ')
            return false;
        rest = end + 1;
    }
    rest[strcspn(rest, "\n")] = '\0';
    *ret_pid = (pid_t)fields[0];
    *ret_outcome = (struct luna_reload_outcome){
        .signal = (int)fields[1], .began_ns = fields[2], .done = fields[3] != 0, .note = rest};
    return true;
}

static bool read_text(const char *path, char text[TEXT_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd >= 0 ? read(fd, text, TEXT_BYTES - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static enum luna_code await(const char *path, pid_t pid, int signal, int64_t sent_ns,
                            struct luna_deadline deadline, char *ret_note, struct luna_error *err)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    for (;;) {
        char text[TEXT_BYTES];
        struct luna_reload_outcome outcome;
        pid_t writer = 0;
        /* Before the file is read: what a process has written before its end is then seen. */
        bool ended = kill(pid, 0) != 0 && errno == ESRCH;
        if (read_text(path, text) && parse(text, &writer, &outcome) && writer == pid &&
            outcome.signal == signal && outcome.began_ns >= sent_ns) {
            if (!outcome.done)
                return luna_error_set(err, LUNA_ECONFLICT, "%s", outcome.note);
            (void)snprintf(ret_note, LUNA_RELOAD_NOTE_BYTES, "%s", outcome.note);
            return LUNA_OK;
        }
        if (ended)
            return luna_error_set(err, LUNA_ENOTFOUND, "process %ld ended", (long)pid);
        if (luna_deadline_passed(deadline))
            return luna_error_set(err, LUNA_ETIMEOUT,
                                  "process %ld did not answer in time: see "
                                  "its log",
                                  (long)pid);
        (void)nanosleep(&pause, NULL);
    }
}

enum luna_code luna_reload_request(const char *dir, const char *name, pid_t pid, int signal,
                                   int timeout_ms, char *ret_note, struct luna_error *err)
{
    char path[PATH_BYTES];
    enum luna_code code = path_of(dir, name, path, err);
    if (code != LUNA_OK)
        return code;
    /* An outcome from before a restart of the machine could be of a later time by this clock. */
    if (unlink(path) != 0 && errno != ENOENT)
        return luna_error_set(err, LUNA_EIO, "cannot remove %s: %s", path, strerrordesc_np(errno));
    int64_t sent_ns = luna_clock_mono_ns();
    if (kill(pid, signal) != 0)
        return luna_error_set(err, errno == ESRCH ? LUNA_ENOTFOUND : LUNA_EIO,
                              "cannot signal process %ld: %s", (long)pid, strerrordesc_np(errno));
    code = await(path, pid, signal, sent_ns, luna_deadline_in_ms(timeout_ms), ret_note, err);
    (void)unlink(path);
    return code;
}
