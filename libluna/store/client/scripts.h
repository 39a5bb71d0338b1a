/*
 * scripts.h: the Lua texts (lua/, embedded at build time). Private to the store.
 *
 * Fenced scripts start with `local I, S = '<incarnation>', <strict>`, and only quota-syncd loads
 * them; workers call them by the SHA-1 that Redis replied. Each loading has texts of its own, so
 * one that reaches Redis too late brings back no script that a worker knows. The others cannot
 * charge. A worker's user of Redis may not EVAL: what it runs, quota-syncd has loaded.
 */
#ifndef LUNA_STORE_SCRIPTS_H
#define LUNA_STORE_SCRIPTS_H

#include "luna/base/buf.h"
#include "luna/store/durability.h"

#include <stdbool.h>
#include <stdint.h>

enum luna_script {
    LUNA_SCRIPT_ADMIT,
    LUNA_SCRIPT_REFUND,
    LUNA_SCRIPT_FINISH,
    LUNA_SCRIPT_LEASE,
    LUNA_SCRIPT_INSTALL,
    LUNA_SCRIPT_REDUCE,
    LUNA_SCRIPT_SPEND,
    LUNA_SCRIPT_ROLL,
    LUNA_SCRIPTS_FENCED, /* the number of fenced ones that workers run */
    LUNA_SCRIPT_PUSH = LUNA_SCRIPTS_FENCED,
    LUNA_SCRIPTS_SHARED, /* the number of those that workers run, by the SHA-1 in quota:fence */
    LUNA_SCRIPT_ACK = LUNA_SCRIPTS_SHARED,
    LUNA_SCRIPT_FENCE,
    LUNA_SCRIPT_HANDOVER, /* fenced too, but quota-syncd's */
    LUNA_SCRIPT_REAP,
    LUNA_SCRIPT_INSPECT,
    LUNA_SCRIPT_DROP,
    LUNA_SCRIPTS_COUNT
};

/* The version of the keys, arguments, replies and of what Redis keeps: raised when a script changes
 * any of them. Scripts of one version may run beside each other, whichever builds they are of. */
enum { LUNA_SCRIPT_ABI = 2 };

enum { LUNA_SCRIPT_SHA_BYTES = 41, LUNA_SCRIPT_BYTES_MAX = 64 << 10 };

const char *luna_script_name(enum luna_script script);
/* A digest of all texts, 16 hex digits: it differs when the scripts of two builds differ. */
void luna_script_build(char out[17]);
bool luna_script_is_fenced(enum luna_script script);

struct luna_script_head {
    int64_t incarnation;
    enum luna_durability durability;
    int64_t term, loading; /* of the daemon, and the number of its loading in this term */
};
/* The text to load, NUL-terminated; `head` for fenced ones, else NULL. Without memory, `out`
 * overflows. */
void luna_script_text(enum luna_script script, const struct luna_script_head *head,
                      struct luna_buf *out);
/* The text of one that is not fenced; static. */
const char *luna_script_unfenced(enum luna_script script);

#endif
