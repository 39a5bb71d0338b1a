#include "canned_redis.h"

#include "client/scripts.h"

#include <endian.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_BYTES_MAX = 4096, WORD_BYTES_MAX = 4096 };

static void fail(const char *doing)
{
    perror(doing);
    exit(EXIT_FAILURE);
}

/* "<mark><number>\r\n", as every part of the protocol begins. */
static long read_number(FILE *in, char mark)
{
    char line[64];
    if (fgets(line, sizeof line, in) == NULL || line[0] != mark)
        _exit(EXIT_SUCCESS);
    return strtol(line + 1, NULL, 10);
}

static void read_word(FILE *in, char *word)
{
    size_t len = (size_t)read_number(in, '$');
    if (len + 2 > WORD_BYTES_MAX || fread(word, 1, len + 2, in) != len + 2)
        _exit(EXIT_FAILURE);
    word[len] = '\0';
}

/* What quota-syncd leaves for the workers: incarnation, version of the scripts, run id, build,
 * and each script's SHA-1. */
static void answer_fence(FILE *out)
{
    fprintf(out, "*%d\r\n$1\r\n7\r\n:%d\r\n$4\r\nabcd\r\n$4\r\nabcd\r\n", 4 + LUNA_SCRIPTS_SHARED,
            LUNA_SCRIPT_ABI);
    for (int i = 0; i < LUNA_SCRIPTS_SHARED; i++)
        fprintf(out, "$40\r\n%040d\r\n", i);
}

/* The admission script's reply: allowed, and nineteen numbers of the usual sizes. */
static void answer_admission(FILE *out)
{
    static const int64_t numbers[] = {0,
                                      1,
                                      123456,
                                      20781,
                                      2000000000,
                                      1999876544,
                                      1767225600000,
                                      1764000000000,
                                      1000000,
                                      1000000,
                                      999999,
                                      1,
                                      0,
                                      1000000,
                                      2,
                                      0,
                                      7,
                                      0,
                                      1500,
                                      0};
    fprintf(out, "$%zu\r\n", sizeof numbers);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t number = htole64((uint64_t)numbers[i]);
        fwrite(&number, sizeof number, 1, out);
    }
    fputs("\r\n", out);
}

static void answer(FILE *out, const char *name)
{
    if (strcmp(name, "HMGET") == 0)
        answer_fence(out);
    else if (strcmp(name, "EVALSHA") == 0)
        answer_admission(out);
    else
        fprintf(out, "+OK\r\n");
    fflush(out);
}

static void serve(int connection)
{
    static char name[WORD_BYTES_MAX], word[WORD_BYTES_MAX];
    FILE *in = fdopen(connection, "r"), *out = fdopen(dup(connection), "w");
    if (in == NULL || out == NULL)
        fail("fdopen");
    for (;;) {
        long words = read_number(in, '*');
        read_word(in, name);
        for (long i = 1; i < words; i++)
            read_word(in, word);
        answer(out, name);
    }
}

void canned_redis_start(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0)
        fail(path);
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        int connection = accept(listener, NULL, NULL);
        if (connection < 0)
            _exit(EXIT_FAILURE);
        serve(connection);
    }
    close(listener);
}
