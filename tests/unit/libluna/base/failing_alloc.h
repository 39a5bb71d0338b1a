/*
 * failing_alloc.h: makes the n-th allocation fail, for programs linked with the library
 * failing_alloc.
 *
 * Reaches what is linked statically; a shared library's own calls to malloc are not touched.
 */
#ifndef FAILING_ALLOC_H
#define FAILING_ALLOC_H

#include <stdbool.h>

/* From now on the n-th allocation (1: the next one) fails, and that one alone; 0: none does. */
void failing_alloc_at(long n);
/* Has the failure happened? */
bool failing_alloc_fired(void);

#endif
