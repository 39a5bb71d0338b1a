#include "shared/names.h"

#include <stddef.h>

const char *names_route(const struct names *names, int number)
{
    bool known = number >= 0 && number < SCOREBOARD_ROUTES && names->routes[number] != NULL;
    return known ? names->routes[number] : "none";
}
