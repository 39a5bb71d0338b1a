/*
 * The replies of the small scripts, as enums: LUNA_LEASE_GRANTED …; and the elements of those that
 * are arrays: LUNA_LEASE_AT_now_ms … One table for C and Lua, script_replies.def.
 */
#ifndef LUNA_SCRIPT_REPLIES_H
#define LUNA_SCRIPT_REPLIES_H

enum luna_script_reply {
#define REPLY(script, word, number) LUNA_##script##_##word = (number),
#include "quota/script_replies.def"
};

enum luna_lease_field {
#define LEASE_FIELD(name) LUNA_LEASE_AT_##name,
#include "quota/script_replies.def"
};

enum luna_reap_field {
#define REAP_FIELD(name) LUNA_REAP_AT_##name,
#include "quota/script_replies.def"
};

#endif
