/*
 * names.h: what the API calls its routes and problems, as a table of texts.
 *
 * The scoreboard holds numbers. Who shows them, the master in its log and the monitor in its pages,
 * receives this table from main.c and knows nothing else of the API.
 */
#ifndef FCGI_WORKER_NAMES_H
#define FCGI_WORKER_NAMES_H

#include "shared/scoreboard.h"

/* NULL where no route, or no problem, has the number. */
struct names {
    const char *routes[SCOREBOARD_ROUTES];
    const char *problems[SCOREBOARD_PROBLEMS]; /* by enum problem_id */
};

/* "none" for a number that no route has. */
const char *names_route(const struct names *names, int number);

#endif
