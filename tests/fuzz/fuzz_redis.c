/* What Redis answers to an admission and to the end of its charge, which the first byte chooses;
 * with its highest bit, to the probe of an idle worker. Each command gets the next piece of the
 * rest: its kind, its length, its bytes. Then the connection ends. Invariants: an outcome is one
 * that its users know; no more is charged than was asked for; no limit or wait that a client
 * receives is negative; the journal holds what was committed. */
#include "fuzz.h"

#include "client/scripts.h"
#include "folder.h"
#include "journal/sums.h"
#include "luna/store/admission.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { UNITS = 5, TIMEOUT_MS = 50, COMMAND_BYTES_MAX = 65536, PROBE = 128 };

static struct {
    int listener;
    const uint8_t *rest;
    size_t len;
} server = {.listener = -1};

/* What quota-syncd leaves for the workers: incarnation, version of the scripts, run id, build, and
 * each script's SHA-1. */
static void send_fence(FILE *out)
{
    (void)fprintf(out, "*%d\r\n:7\r\n:%d\r\n$1\r\na\r\n$1\r\na\r\n", 4 + LUNA_SCRIPTS_SHARED,
                  LUNA_SCRIPT_ABI);
    for (int i = 0; i < LUNA_SCRIPTS_SHARED; i++)
        (void)fprintf(out, "$1\r\n0\r\n");
}

static void send_number(FILE *out, const uint8_t *bytes, size_t len)
{
    int64_t number = 0;
    memcpy(&number, bytes, len < sizeof number ? len : sizeof number);
    (void)fprintf(out, ":%lld\r\n", (long long)number);
}

static void send_piece(FILE *out, int kind, const uint8_t *bytes, size_t len)
{
    switch (kind % 5) {
    case 0:
        send_fence(out);
        break;
    case 1: /* the numbers of an admission */
        (void)fprintf(out, "$%zu\r\n", len);
        (void)fwrite(bytes, 1, len, out);
        (void)fputs("\r\n", out);
        break;
    case 2:
        send_number(out, bytes, len);
        break;
    case 3:
        (void)fputs("*2\r\n", out);
        send_number(out, bytes, len);
        send_number(out, bytes, len / 2);
        break;
    default:
        (void)fwrite(bytes, 1, len, out);
    }
    (void)fflush(out);
}

/* A command is sent with one write, and so read with one. */
static void serve(int connection)
{
    static char command[COMMAND_BYTES_MAX];
    FILE *out = fdopen(connection, "w");
    assert(out != NULL);
    while (server.len >= 2 && read(connection, command, sizeof command) > 0) {
        size_t len = server.rest[1] < server.len - 2 ? server.rest[1] : server.len - 2;
        send_piece(out, server.rest[0], server.rest + 2, len);
        server.rest += 2 + len;
        server.len -= 2 + len;
    }
    (void)fclose(out);
}

static void *serve_all(void *unused)
{
    (void)unused;
    for (int fd; (fd = accept(server.listener, NULL, NULL)) >= 0;)
        serve(fd);
    return NULL;
}

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void remove_socket(void)
{
    (void)unlink(address.sun_path);
}

static void start_server(void)
{
    pthread_t thread;
    (void)signal(SIGPIPE, SIG_IGN); /* as the workers do */
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(bind(server.listener, (struct sockaddr *)&address, sizeof address) == 0);
    assert(listen(server.listener, 16) == 0);
    (void)atexit(remove_socket);
    assert(pthread_create(&thread, NULL, serve_all, NULL) == 0);
}

/* Connections are served one after another: the end of this one is the end of all before it. */
static void await_server(void)
{
    char byte;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    (void)shutdown(fd, SHUT_WR);
    while (read(fd, &byte, 1) > 0)
        continue;
    close(fd);
}

static const char *redis_url(void)
{
    static char url[256];
    if (server.listener >= 0)
        return url;
    (void)snprintf(url, sizeof url, "unix://%s.redis", fuzz_folder());
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s.redis", fuzz_folder());
    start_server();
    return url;
}

static void check(const struct luna_admission *admission)
{
    assert((int)admission->outcome >= 0 && admission->outcome <= LUNA_ADMIT_COMPUTE_LIMITED);
    assert(admission->cost == 0 || admission->cost == UNITS);
    assert(admission->quota_remaining >= 0 && admission->rate_remaining >= 0);
    assert(admission->quota_reset_s >= 0 && admission->rate_reset_s >= 0);
    assert(admission->retry_after_ms >= 0);
}

static int64_t units_in_journal(const char *dir)
{
    struct luna_journal_sums sums = {.items = NULL};
    struct luna_error err;
    int64_t units = 0;
    enum luna_code code =
        luna_journal_sums_read(dir, 0, -1, luna_deadline_in_ms(1000), &sums, &err);
    assert(code == LUNA_OK);
    for (size_t i = 0; i < sums.count; i++)
        units += sums.items[i].units;
    luna_journal_sums_done(&sums);
    return units;
}

static void end_charge(struct luna_admitter *admitter, struct luna_admission *admission, int end)
{
    int64_t units = 0;
    if (end % 3 == 1 && luna_admission_reduce(admitter, admission, 2) == LUNA_COMMIT_VOID)
        return;
    if (end % 3 == 2)
        luna_admission_refund(admitter, admission);
    else if (luna_admission_commit(admitter, admission) == LUNA_COMMIT_OK)
        units = admission->cost;
    assert(units_in_journal(fuzz_folder()) == units);
}

static void admit(struct luna_admitter *admitter, int end)
{
    static const char key[] = "7d444840-9dc0-41d1-b245-5ffdce74fad2";
    const struct luna_admission_request request = {.stage = LUNA_STAGE_WHOLE,
                                                   .account_id = 42,
                                                   .api_key = key,
                                                   .api_key_len = sizeof key - 1,
                                                   .cost = UNITS,
                                                   .points = 10,
                                                   .request_id = "fuzz",
                                                   .deadline = luna_deadline_in_ms(TIMEOUT_MS)};
    struct luna_admission admission;
    luna_admit(admitter, &request, &admission);
    check(&admission);
    if (admission.charge == LUNA_CHARGE_OUTSTANDING)
        end_charge(admitter, &admission, end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char pepper[32] = {42};
    struct luna_admitter *admitter = NULL;
    struct luna_error err;
    const struct luna_admitter_options options = {.redis_url = redis_url(),
                                                  .database_url = "host=/nowhere",
                                                  .pepper = pepper,
                                                  .pepper_len = sizeof pepper,
                                                  .journal_dir = fuzz_folder(),
                                                  .redis_timeout_ms = TIMEOUT_MS,
                                                  .database_timeout_ms = TIMEOUT_MS};
    if (size < 1)
        return 0;
    server.rest = data + 1;
    server.len = size - 1;
    fuzz_folder_empty();
    enum luna_code code = luna_admitter_new(&options, &admitter, &err);
    assert(code == LUNA_OK);
    if ((data[0] & PROBE) != 0)
        assert(luna_admitter_probe(admitter, luna_deadline_in_ms(TIMEOUT_MS), &err) != LUNA_OK);
    else
        admit(admitter, data[0]);
    luna_admitter_free(admitter);
    await_server();
    return 0;
}
