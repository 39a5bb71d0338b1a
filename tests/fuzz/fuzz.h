/*
 * fuzz.h: what a fuzz target defines.
 */
#ifndef LUNA_TESTS_FUZZ_H
#define LUNA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
