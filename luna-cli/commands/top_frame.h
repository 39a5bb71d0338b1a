/*
 * top_frame.h: one picture of the pool, from two looks at it. Pure.
 */
#ifndef CLI_TOP_FRAME_H
#define CLI_TOP_FRAME_H

#include "luna/base/buf.h"
#include "session/pool_status.h"

/* Draws `now` and the rates since `before` (`interval_ms` earlier; NULL: no rates) in at most
 * `rows` lines of `columns`. Workers that have a request come first, the longest in front. */
void top_frame_draw(const struct pool_status *now, const struct pool_status *before,
                    int64_t interval_ms, int rows, int columns, struct luna_buf *out);

#endif
