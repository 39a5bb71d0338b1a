#include "client/scripts.h"

#include "client/digest.h"
#include "luna/base/digits.h"

#include <assert.h>
#include <string.h>

const char *const luna_durability_words[] = {
    [LUNA_DURABILITY_DEFAULT] = "default", [LUNA_DURABILITY_STRICT] = "strict", NULL};

extern const char luna_lua_admit[], luna_lua_refund[], luna_lua_finish[], luna_lua_lease[],
    luna_lua_install[], luna_lua_ack[], luna_lua_push[], luna_lua_fence[], luna_lua_handover[],
    luna_lua_inspect[], luna_lua_reduce[], luna_lua_reap[], luna_lua_roll[], luna_lua_drop[],
    luna_lua_spend[];

static const struct {
    const char *name, *text;
} scripts[LUNA_SCRIPTS_COUNT] = {[LUNA_SCRIPT_ADMIT] = {"admit", luna_lua_admit},
                                 [LUNA_SCRIPT_REFUND] = {"refund", luna_lua_refund},
                                 [LUNA_SCRIPT_FINISH] = {"finish", luna_lua_finish},
                                 [LUNA_SCRIPT_LEASE] = {"lease", luna_lua_lease},
                                 [LUNA_SCRIPT_INSTALL] = {"install", luna_lua_install},
                                 [LUNA_SCRIPT_REDUCE] = {"reduce", luna_lua_reduce},
                                 [LUNA_SCRIPT_ROLL] = {"roll", luna_lua_roll},
                                 [LUNA_SCRIPT_SPEND] = {"spend", luna_lua_spend},
                                 [LUNA_SCRIPT_ACK] = {"ack", luna_lua_ack},
                                 [LUNA_SCRIPT_PUSH] = {"push", luna_lua_push},
                                 [LUNA_SCRIPT_FENCE] = {"fence", luna_lua_fence},
                                 [LUNA_SCRIPT_HANDOVER] = {"handover", luna_lua_handover},
                                 [LUNA_SCRIPT_REAP] = {"reap", luna_lua_reap},
                                 [LUNA_SCRIPT_INSPECT] = {"inspect", luna_lua_inspect},
                                 [LUNA_SCRIPT_DROP] = {"drop", luna_lua_drop}};

const char *luna_script_name(enum luna_script script)
{
    assert(script < LUNA_SCRIPTS_COUNT);
    return scripts[script].name;
}

bool luna_script_is_fenced(enum luna_script script)
{
    return script < LUNA_SCRIPTS_FENCED || script == LUNA_SCRIPT_HANDOVER;
}

void luna_script_text(enum luna_script script, const struct luna_script_head *head,
                      struct luna_buf *out)
{
    /* A fenced script without its incarnation could charge in every one. */
    assert(luna_script_is_fenced(script) == (head != NULL && head->incarnation > 0));
    luna_buf_clear(out);
    if (head != NULL)
        luna_buf_printf(out, "local I, S = '%lld', %s -- %lld.%lld\n", (long long)head->incarnation,
                        head->durability == LUNA_DURABILITY_STRICT ? "true" : "false",
                        (long long)head->term, (long long)head->loading);
    luna_buf_puts(out, scripts[script].text);
    luna_buf_putc(out, '\0');
}

const char *luna_script_unfenced(enum luna_script script)
{
    assert(script < LUNA_SCRIPTS_COUNT && !luna_script_is_fenced(script));
    return scripts[script].text;
}

void luna_script_build(char out[17])
{
    unsigned char digests[LUNA_SCRIPTS_COUNT][LUNA_DIGEST_BYTES], digest[LUNA_DIGEST_BYTES];
    for (int i = 0; i < LUNA_SCRIPTS_COUNT; i++)
        luna_digest_sha256(scripts[i].text, strlen(scripts[i].text), digests[i]);
    luna_digest_sha256(digests, sizeof digests, digest);
    luna_hex_encode(digest, 8, out);
}
