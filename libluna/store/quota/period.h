/*
 * period.h: the word of a quota's period in PostgreSQL. Private to the store.
 */
#ifndef LUNA_STORE_PERIOD_H
#define LUNA_STORE_PERIOD_H

#include "luna/base/error.h"
#include "luna/store/admission.h"

/* LUNA_EPROTOCOL: PostgreSQL has a period that this program does not know. */
enum luna_code luna_period_read(const char *word, enum luna_period *ret_period,
                                struct luna_error *err) LUNA_MUSTCHECK;

#endif
