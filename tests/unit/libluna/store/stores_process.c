/* Starting and ending the two servers. */
#include "stores_process.h"
#include "stores_fixture.h"
#include "wait.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define POSTGRES "/usr/lib/postgresql/15/bin/postgres"
#define INITDB "/usr/lib/postgresql/15/bin/initdb"

void stores_die(const char *what)
{
    fprintf(stderr, "stores: %s\n", what);
    exit(1);
}

static void become_postgres(void)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() != 0)
        return;
    if (user == NULL || initgroups("postgres", user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

/* execvp's prototype lacks a const that it respects. */
static void execute(const char *const *argv)
{
    char *const *words = NULL;
    memcpy(&words, &argv, sizeof words);
    execvp(argv[0], words);
}

void stores_shell(const char *dir, const char *line)
{
    const char *const argv[] = {"sh", "-c", line, NULL};
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(dir) == 0)
            execute(argv);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        stores_die(line);
}

/* A server whose clock the test can set. */
static void set_clock_file(const struct stores *stores, bool as_postgres)
{
    char path[128], library[128];
    snprintf(path, sizeof path, "%s/%s", stores->dir, as_postgres ? "pg.clock" : "redis.clock");
    snprintf(library, sizeof library, "%s/skewed_clock.so", stores->dir);
    setenv("LUNA_TEST_CLOCK", path, 1);
    setenv("LD_PRELOAD", library, 1);
}

static pid_t spawn(struct stores *stores, bool as_postgres, const char *log,
                   const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    char path[128];
    snprintf(path, sizeof path, "%s/%s", stores->dir, log);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0 || chdir(stores->dir) != 0)
        _exit(126);
    dup2(fd, 1);
    dup2(fd, 2);
    if (as_postgres)
        become_postgres();
    set_clock_file(stores, as_postgres);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server outlives a test that was killed */
    execute(argv);
    _exit(127);
}

static void run(struct stores *stores, bool as_postgres, const char *const *argv)
{
    int status = 0;
    pid_t pid = spawn(stores, as_postgres, "setup.log", argv);
    if (waitpid(pid, &status, 0) != pid || status != 0)
        stores_die("a setup command failed: see setup.log in the test's directory");
}

static bool redis_answers(struct stores *stores)
{
    struct luna_counters *counters = NULL;
    struct luna_error err;
    bool ok = luna_counters_new(stores->redis_url, WAIT_MS, &counters, &err) == LUNA_OK &&
              luna_counters_ping(counters, luna_deadline_in_ms(WAIT_MS), &err) == LUNA_OK;
    luna_counters_free(counters);
    return ok;
}

void stores_redis_start(struct stores *stores)
{
    char socket[96];
    snprintf(socket, sizeof socket, "%s/redis.sock", stores->dir);
    unlink(socket);
    bool strict = stores->durability == LUNA_DURABILITY_STRICT;
    const char *const argv[] = {"redis-server",
                                "--port",
                                "0",
                                "--unixsocket",
                                socket,
                                "--appendonly",
                                "yes",
                                "--save",
                                "",
                                "--dir",
                                stores->dir,
                                "--maxmemory-policy",
                                "noeviction",
                                "--appendfsync",
                                strict ? "always" : "everysec",
                                NULL};
    stores->redis = spawn(stores, false, "redis.log", argv);
    bool answers = false;
    WAIT_UNTIL((answers = redis_answers(stores)));
    if (!answers)
        stores_die("Redis does not answer: see redis.log");
}

static void kill_and_reap(pid_t *pid, int signal)
{
    int status = 0;
    if (*pid <= 0)
        return;
    kill(*pid, signal);
    waitpid(*pid, &status, 0);
    *pid = 0;
}

void stores_redis_kill(struct stores *stores)
{
    kill_and_reap(&stores->redis, SIGKILL);
}

static bool postgres_answers(struct stores *stores)
{
    char url[192];
    snprintf(url, sizeof url, "host=%s user=postgres dbname=postgres", stores->dir);
    return stores_sql(url, "SELECT 1");
}

void stores_postgres_start(struct stores *stores)
{
    char data[96];
    snprintf(data, sizeof data, "%s/pg", stores->dir);
    char sockets[112];
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", stores->dir);
    const char *const argv[] = {POSTGRES,
                                "-D",
                                data,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                sockets,
                                "-c",
                                "max_connections=60",
                                "-c",
                                "shared_buffers=64MB",
                                "-c",
                                "timezone=UTC",
                                NULL};
    /* The children of a killed postmaster take a moment to end, and until then a new one
     * refuses to start. */
    for (int i = 0; i < WAIT_MS / 200; i++) {
        int status = 0;
        stores->postgres = spawn(stores, true, "postgres.log", argv);
        while (waitpid(stores->postgres, &status, WNOHANG) == 0) {
            if (postgres_answers(stores))
                return;
            wait_ms(50);
        }
        wait_ms(200);
    }
    stores_die("PostgreSQL does not start: see postgres.log");
}

void stores_postgres_kill(struct stores *stores)
{
    /* The children of a killed postmaster notice and end; a new one waits for them. */
    kill_and_reap(&stores->postgres, SIGKILL);
    wait_ms(300);
}

static void set_clock(const struct stores *stores, const char *name, int64_t ahead_ms)
{
    char path[128];
    int64_t ahead_us = ahead_ms * 1000;
    snprintf(path, sizeof path, "%s/%s", stores->dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, &ahead_us, sizeof ahead_us) != sizeof ahead_us)
        stores_die("cannot set a server's clock");
    close(fd);
}

void stores_redis_clock(struct stores *stores, int64_t ahead_ms)
{
    set_clock(stores, "redis.clock", ahead_ms);
}

void stores_postgres_clock(struct stores *stores, int64_t ahead_ms)
{
    set_clock(stores, "pg.clock", ahead_ms);
}

void stores_process_init(struct stores *stores)
{
    char data[96];
    snprintf(stores->dir, sizeof stores->dir, "/tmp/luna-stores-XXXXXX");
    if (mkdtemp(stores->dir) == NULL || chmod(stores->dir, 0777) != 0)
        stores_die("cannot make a directory under /tmp");
    stores_redis_clock(stores, 0);
    stores_postgres_clock(stores, 0);
    stores_shell(stores->dir, "cp " SKEWED_CLOCK " skewed_clock.so && chmod 755 skewed_clock.so");
    snprintf(data, sizeof data, "%s/pg", stores->dir);
    const char *const initdb[] = {INITDB,      "-D",
                                  data,        "-U",
                                  "postgres",  "-A",
                                  "trust",     "-E",
                                  "UTF8",      "--locale=C.UTF-8",
                                  "--no-sync", "--no-instructions",
                                  NULL};
    run(stores, true, initdb);
}

void stores_process_done(struct stores *stores)
{
    kill_and_reap(&stores->redis, SIGKILL);
    kill_and_reap(&stores->postgres, SIGQUIT);
    const char *const remove[] = {"rm", "-rf", stores->dir, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execute(remove);
        _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
}
