/*
 * The replies of the small scripts, as enums: LUNA_LEASE_GRANTED … One table for C and Lua,
 * script_replies.def.
 */
#ifndef LUNA_SCRIPT_REPLIES_H
#define LUNA_SCRIPT_REPLIES_H

enum luna_script_reply {
#define REPLY(script, word, number) LUNA_##script##_##word = (number),
#include "quota/script_replies.def"
#undef REPLY
};

#endif
