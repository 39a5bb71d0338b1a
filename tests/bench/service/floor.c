/*
 * The floor: a bare libfcgi responder behind the same nginx. It reads the body, checks nothing, and answers a constant;
 * no service behind that nginx can be faster. Prefork like the real one: floor SOCKET WORKERS.
 */
#include <fcgiapp.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char answer[] =
    "Status: 200 OK\r\nContent-Type: application/json\r\n\r\n{\"processed_results\":[],\"input_data\":[]}";

static void serve(int listener)
{
    static char body[1 << 16];
    FCGX_Request request;
    if (FCGX_InitRequest(&request, listener, 0) != 0)
        exit(EXIT_FAILURE);
    while (FCGX_Accept_r(&request) == 0) {
        while (FCGX_GetStr(body, sizeof body, request.in) > 0)
            continue;
        FCGX_PutStr(answer, sizeof answer - 1, request.out);
        FCGX_Finish_r(&request);
    }
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    int workers = argc == 3 ? atoi(argv[2]) : 0;
    if (workers < 1 || FCGX_Init() != 0) {
        (void)fprintf(stderr, "Usage: floor SOCKET WORKERS\n");
        return 2;
    }
    int listener = FCGX_OpenSocket(argv[1], 1024);
    if (listener < 0 || chmod(argv[1], 0666) != 0) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < workers; i++) {
        pid_t child = fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(listener);
        }
        if (child < 0)
            return 1;
    }
    while (wait(NULL) > 0)
        continue;
    return 0;
}
