#include "terminal/colour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool colour_wanted(void)
{
    /* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    /* NOLINTEND(concurrency-mt-unsafe) */
    return isatty(STDOUT_FILENO) && (!refused || *refused == '\0') && terminal &&
           strcmp(terminal, "dumb") != 0;
}

const char *colour_start(enum colour colour)
{
    switch (colour) {
    case COLOUR_BOLD:
        return "\033[1m";
    case COLOUR_GOOD:
        return "\033[32m";
    case COLOUR_BAD:
        return "\033[31m";
    case COLOUR_LINE:
        return "\033[36m";
    case COLOUR_MORE:
        return "\033[35m";
    case COLOUR_FAINT:
        return "\033[90m";
    case COLOUR_NONE:
        break;
    }
    return "";
}

const char *colour_end(enum colour colour)
{
    return colour == COLOUR_NONE ? "" : "\033[0m";
}
