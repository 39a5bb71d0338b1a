#include "gateway.h"

struct gateway gateway;

static bool process_runs(uint32_t pid)
{
    return kill((pid_t)pid, 0) == 0 || errno != ESRCH;
}

enum source_outcome gateway_open(struct source_table *table, struct source_id id, ngx_uint_t most,
                                 uint32_t *ret_number)
{
    uint32_t pid = (uint32_t)ngx_pid;
    enum source_outcome outcome =
        source_table_open(table, id, pid, (uint32_t)most, ngx_current_msec, ret_number);
    if (outcome != SOURCE_ADMITTED && source_table_heal(table, process_runs, ngx_current_msec))
        outcome = source_table_open(table, id, pid, (uint32_t)most, ngx_current_msec, ret_number);
    return outcome;
}
