/*
 * plot.h: a series and what a model made of it, drawn in the terminal.
 *
 * Observations are dots, the filtered or smoothed series and the forecast are lines, and the first
 * interval that was asked for is a shade behind them. A pure function of its arguments.
 */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/request.h"
#include "luna/modelling/result.h"

#include <stdbool.h>

struct plot_frame {
    int columns, rows; /* of the terminal, the legend and the axes included */
    bool colour;
};

/* The frame for standard output: of the terminal, or 80 × 24 without colour. */
struct plot_frame plot_frame_of_stdout(void);

/* Appends the drawing as UTF-8 text. False: no memory in the arena. */
bool plot_draw(const struct luna_request *request, const struct luna_result *result,
               struct plot_frame frame, struct luna_arena *arena, struct luna_buf *out);

#endif
