/*
 * pid_file.h: the file that names the master, for scripts.
 */
#ifndef FCGI_WORKER_PID_FILE_H
#define FCGI_WORKER_PID_FILE_H

#include "luna/base/error.h"

/* NULL or empty path: nothing is written. The file appears whole. */
enum luna_code pid_file_write(const char *path, struct luna_error *err) LUNA_MUSTCHECK;
void pid_file_remove(const char *path);

#endif
