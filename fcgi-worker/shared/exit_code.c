#include "shared/exit_code.h"

const char *worker_exit_text(int status)
{
    switch (status) {
    case WORKER_EXIT_CLEAN:
        return "drained";
    case WORKER_EXIT_RECYCLE:
        return "recycled";
    case WORKER_EXIT_UNAVAILABLE:
        return "a store is away";
    case WORKER_EXIT_SOFTWARE:
        return "did not prove itself";
    case WORKER_EXIT_SANDBOX:
        return "the sandbox cannot be put on";
    case WORKER_EXIT_CONFIG:
        return "configuration";
    default:
        return "unexpected exit status";
    }
}
