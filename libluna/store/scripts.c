#include "scripts.h"

#include <assert.h>

extern const char luna_lua_admit[], luna_lua_refund[], luna_lua_finish[], luna_lua_lease[], luna_lua_install[],
    luna_lua_ack[], luna_lua_push[];

static const struct {
    const char *name, *text;
} scripts[LUNA_SCRIPTS_COUNT] = {
    [LUNA_SCRIPT_ADMIT] = {"admit", luna_lua_admit},       [LUNA_SCRIPT_REFUND] = {"refund", luna_lua_refund},
    [LUNA_SCRIPT_FINISH] = {"finish", luna_lua_finish},    [LUNA_SCRIPT_LEASE] = {"lease", luna_lua_lease},
    [LUNA_SCRIPT_INSTALL] = {"install", luna_lua_install}, [LUNA_SCRIPT_ACK] = {"ack", luna_lua_ack},
    [LUNA_SCRIPT_PUSH] = {"push", luna_lua_push}};

const char *luna_script_name(enum luna_script script)
{
    assert(script < LUNA_SCRIPTS_COUNT);
    return scripts[script].name;
}

void luna_script_text(enum luna_script script, int64_t incarnation, struct luna_buf *out)
{
    luna_buf_clear(out);
    if (script < LUNA_SCRIPTS_FENCED)
        luna_buf_printf(out, "local I = '%lld'\n", (long long)incarnation);
    luna_buf_puts(out, scripts[script].text);
    luna_buf_putc(out, '\0');
}
