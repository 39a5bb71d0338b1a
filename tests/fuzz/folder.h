/*
 * folder.h: a folder for what a fuzz target reads from files; below TMPDIR, which a long run sets
 * to memory.
 */
#ifndef LUNA_TESTS_FUZZ_FOLDER_H
#define LUNA_TESTS_FUZZ_FOLDER_H

#include <stddef.h>

/* Made at the first call, and removed with its files when the process ends. */
const char *fuzz_folder(void);
/* Replaces a file of the folder; returns its path, valid until the next call. */
const char *fuzz_file(const char *name, const void *bytes, size_t len);
/* Removes the files, but not the folder. */
void fuzz_folder_empty(void);

#endif
