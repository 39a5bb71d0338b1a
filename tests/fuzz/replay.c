/*
 * Runs a fuzz target over every file of a folder, in builds without a fuzzer.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static void replay(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t size = 0, room = 1 << 20;
    unsigned char *data = malloc(room);
    if (data != NULL)
        size = fread(data, 1, room, file);
    (void)fclose(file);
    /* An exact copy, so that a sanitizer sees a read past the end. */
    unsigned char *exact = malloc(size > 0 ? size : 1);
    for (size_t i = 0; exact != NULL && i < size; i++)
        exact[i] = data[i];
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    int count = 0;
    if (folder == NULL) {
        (void)fprintf(stderr, "Usage: %s FOLDER (a corpus)\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        replay(argv[1], entry->d_name);
        count++;
    }
    (void)closedir(folder);
    printf("%d inputs\n", count);
    return count == 0;
}
