#include "caught_output.h"

#include <assert.h>
#include <unistd.h>

static FILE *stream;
static FILE *file;
static int saved_fd;
static char text[CAUGHT_BYTES_MAX];

void caught_begin(FILE *which)
{
    stream = which;
    fflush(stream);
    file = tmpfile();
    saved_fd = dup(fileno(stream));
    assert(file && saved_fd >= 0);
    dup2(fileno(file), fileno(stream));
}

const char *caught_end(void)
{
    fflush(stream);
    dup2(saved_fd, fileno(stream));
    close(saved_fd);
    rewind(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}
