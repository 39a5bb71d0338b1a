#include "shared/exit_code.h"

const char *worker_exit_text(int status)
{
    switch (status) {
    case WORKER_EXIT_CLEAN:
        return "drained";
    case WORKER_EXIT_RECYCLE:
        return "recycled";
    case WORKER_EXIT_UNAVAILABLE:
        return "a store is unavailable";
    case WORKER_EXIT_SOFTWARE:
        return "the golden-vector test failed or a resource is missing";
    case WORKER_EXIT_TEMPFAIL:
        return "what it needs is in use or cannot be written";
    case WORKER_EXIT_SANDBOX:
        return "the sandbox cannot be entered";
    case WORKER_EXIT_CONFIG:
        return "configuration";
    default:
        return "unexpected exit status";
    }
}
