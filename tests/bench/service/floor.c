/*
 * The floor: a bare libfcgi responder behind the same nginx. It reads the body, checks nothing, and
 * answers a constant; no service behind that nginx can be faster. Prefork like the real one.
 *
 *     bench-floor SOCKET WORKERS [ANSWER]
 *
 * With a file ANSWER its bytes are the constant, sent as large records by the worker pool's own
 * writer: libfcgi's records of 8 KiB would make it slower than what it is compared with.
 */
#include "fastcgi/fcgi_records.h"

#include <fcgiapp.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char bare_answer[] =
    "Status: 200 OK\r\nContent-Type: "
    "application/json\r\n\r\n{\"processed_results\":[],\"input_data\":[]}";

struct answer {
    char *body; /* NULL: the bare one */
    size_t body_len;
    char head[128];
    size_t head_len;
};

static void answer_and_close(FCGX_Request *request, const struct answer *answer)
{
    enum { SEND_MS = 10000 };
    const struct fcgi_answer records = {request->requestId, answer->head,     answer->head_len,
                                        answer->body,       answer->body_len, false};
    if (fcgi_records_send(request->ipcFd, &records, luna_deadline_in_ms(SEND_MS)) != 0)
        (void)fprintf(stderr, "bench-floor: a client left\n");
    FCGX_Free(request, 1); /* not FCGX_Finish_r(): the records have their end */
}

static void serve(int listener, const struct answer *answer)
{
    static char body[1 << 16];
    FCGX_Request request;
    if (FCGX_InitRequest(&request, listener, 0) != 0)
        exit(EXIT_FAILURE);
    while (FCGX_Accept_r(&request) == 0) {
        while (FCGX_GetStr(body, sizeof body, request.in) > 0)
            continue;
        if (answer->body != NULL) {
            answer_and_close(&request, answer);
            continue;
        }
        FCGX_PutStr(bare_answer, sizeof bare_answer - 1, request.out);
        FCGX_Finish_r(&request);
    }
    exit(EXIT_FAILURE);
}

static void read_answer(const char *path, struct answer *ret_answer)
{
    struct stat status;
    FILE *file = fopen(path, "re");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t len = (size_t)status.st_size;
    char *bytes = malloc(len + 1);
    if (bytes == NULL || fread(bytes, 1, len, file) != len)
        exit(EXIT_FAILURE);
    (void)fclose(file);
    ret_answer->body = bytes;
    ret_answer->body_len = len;
    ret_answer->head_len = (size_t)snprintf(
        ret_answer->head, sizeof ret_answer->head,
        "Status: 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", len);
}

int main(int argc, char **argv)
{
    struct answer answer = {.body = NULL};
    int workers = argc >= 3 ? (int)strtol(argv[2], NULL, 10) : 0;
    if (workers < 1 || argc > 4 || FCGX_Init() != 0) {
        (void)fprintf(stderr, "Usage: bench-floor SOCKET WORKERS [ANSWER]\n");
        return 2;
    }
    if (argc == 4)
        read_answer(argv[3], &answer);
    int listener = FCGX_OpenSocket(argv[1], 1024);
    if (listener < 0 || chmod(argv[1], 0666) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < workers; i++) {
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(listener, &answer);
        }
        if (child < 0)
            return 1;
    }
    while (wait(NULL) > 0)
        continue;
    return 0;
}
