/*
 * one_operator.h: one_host.h and the operator of its stores, whose calls a test is about.
 */
#ifndef TESTS_STORE_ONE_OPERATOR_H
#define TESTS_STORE_ONE_OPERATOR_H

#include "one_host.h"

extern struct luna_operator op;

/* In the place of one_host_start() and one_host_stop(). */
int one_operator_start(void **state);
int one_operator_stop(void **state);

#endif
