/*
 * top_frame.h: one frame of `luna top`, from two samples of the pool status. Pure.
 */
#ifndef CLI_TOP_FRAME_H
#define CLI_TOP_FRAME_H

#include "luna/base/buf.h"
#include "session/pool_status.h"

/* Draws `now` and the rates since `before` (`interval_ms` earlier; NULL: no rates) in at most
 * `rows` lines of `columns`. Busy workers come first, the longest-running request at the top. */
void top_frame_draw(const struct pool_status *now, const struct pool_status *before,
                    int64_t interval_ms, int rows, int columns, struct luna_buf *out);

#endif
