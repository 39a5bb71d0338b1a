/*
 * colour.h: colours of text on a terminal.
 */
#ifndef CLI_COLOUR_H
#define CLI_COLOUR_H

#include <stdbool.h>

enum colour {
    COLOUR_NONE,
    COLOUR_BOLD,
    COLOUR_GOOD,
    COLOUR_BAD,
    COLOUR_LINE, /* the first line of a plot */
    COLOUR_MORE, /* its second line */
    COLOUR_FAINT /* what is behind them */
};

/* Is standard output a terminal that shows colours? Not if NO_COLOR is set and not empty. */
bool colour_wanted(void);
/* What to print before a text in this colour, and after it; "" for COLOUR_NONE. */
const char *colour_start(enum colour colour);
const char *colour_end(enum colour colour);

#endif
