#include "one_operator.h"

struct luna_operator op;

int one_operator_start(void **state)
{
    if (one_host_start(state) != 0)
        return 1;
    op = stores_operator(&stores);
    return 0;
}

int one_operator_stop(void **state)
{
    stores_operator_done(&op);
    return one_host_stop(state);
}
