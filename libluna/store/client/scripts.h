/*
 * scripts.h: the Lua texts (lua/, embedded at build time). Private to the store.
 *
 * Fenced scripts start with `local I, S = '<incarnation>', <strict>`, and are loaded by quota-syncd
 * only, once per incarnation; workers call them by the SHA-1 that Redis replied. The others cannot
 * charge. A worker's user of Redis may not EVAL: what it runs, quota-syncd has loaded.
 */
#ifndef LUNA_STORE_SCRIPTS_H
#define LUNA_STORE_SCRIPTS_H

#include "luna/base/buf.h"
#include "luna/store/durability.h"

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
    LUNA_SCRIPTS_FENCED, /* the number of fenced ones */
    LUNA_SCRIPT_PUSH = LUNA_SCRIPTS_FENCED,
    LUNA_SCRIPTS_SHARED, /* the number of those that workers run, by the SHA-1 in quota:fence */
    LUNA_SCRIPT_ACK = LUNA_SCRIPTS_SHARED,
    LUNA_SCRIPT_FENCE,
    LUNA_SCRIPT_REAP,
    LUNA_SCRIPT_INSPECT,
    LUNA_SCRIPT_DROP,
    LUNA_SCRIPTS_COUNT
};

/* The version of the keys, arguments and replies that workers and quota-syncd agree on: raised when
 * a script changes them. */
enum { LUNA_SCRIPT_ABI = 2 };

enum { LUNA_SCRIPT_SHA_BYTES = 41, LUNA_SCRIPT_BYTES_MAX = 64 << 10 };

const char *luna_script_name(enum luna_script script);
/* A digest of all texts, 16 hex digits: it differs when the scripts of two builds differ. */
void luna_script_build(char out[17]);
/* The text to load, NUL-terminated; `incarnation` and `durability` are for fenced ones only.
 * Without memory, `out` overflows. */
void luna_script_text(enum luna_script script, int64_t incarnation, enum luna_durability durability,
                      struct luna_buf *out);
/* The text of one that is not fenced; static. */
const char *luna_script_unfenced(enum luna_script script);

#endif
