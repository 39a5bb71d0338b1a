/*
 * golden.h: does this build compute what it should?
 *
 * Decodes and filters the Nile series at the published parameters and compares with numbers from R
 * (KFAS) before a worker may serve. Microseconds; it keeps a miscompiled or mislinked build from
 * answering anybody.
 */
#ifndef FCGI_WORKER_GOLDEN_H
#define FCGI_WORKER_GOLDEN_H

#include "luna/base/error.h"

enum luna_code golden_check(struct luna_error *err) LUNA_MUSTCHECK;

#endif
