/*
 * The limits and words of the scripts, LUNA_LIFE_SLACK_MS, LUNA_WORD_STAGE_CHECK …, and the parts
 * of the texts that C reads, by their place: LUNA_KEY_AT_networks …; from script_texts.def.
 */
#ifndef LUNA_SCRIPT_TEXTS_H
#define LUNA_SCRIPT_TEXTS_H

enum luna_script_limit {
#define LIMIT(name, number) LUNA_##name = (number),
#include "quota/script_texts.def"
};

enum luna_script_word {
#define WORD(name, text) LUNA_WORD_##name,
#include "quota/script_texts.def"
};

enum luna_key_part {
#define KEY_PART(name, pattern, format, sql) LUNA_KEY_AT_##name,
#include "quota/script_texts.def"
};

enum luna_roll_part {
#define ROLL_PART(name, pattern, format) LUNA_ROLL_AT_##name,
#include "quota/script_texts.def"
    LUNA_ROLL_PARTS
};

static inline const char *luna_script_word(enum luna_script_word word)
{
    static const char *const words[] = {
#define WORD(name, text) text,
#include "quota/script_texts.def"
    };
    return words[word];
}

#endif
