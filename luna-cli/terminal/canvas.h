/*
 * canvas.h: a drawing of braille dots in the terminal, two dots by four in each cell.
 *
 * Dots belong to layers. A cell shows the dots of every layer in the colour of the uppermost layer
 * that has a dot there; a cell without a dot is shaded where canvas_shade() was there, else blank.
 * Coordinates are in dots; (0, 0) is the top left. What lies outside the canvas is not drawn.
 */
#ifndef CLI_CANVAS_H
#define CLI_CANVAS_H

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "terminal/colour.h"

#include <stdbool.h>

enum { CANVAS_DOTS_X = 2, CANVAS_DOTS_Y = 4 }; /* of a cell */

/* From the lowest to the uppermost. */
enum canvas_layer { CANVAS_SHADE, CANVAS_POINTS, CANVAS_LINE, CANVAS_MORE, CANVAS_LAYERS };

struct canvas {
    int columns, rows;                    /* cells */
    unsigned char *layers[CANVAS_LAYERS]; /* [rows * columns], the dots of a cell as bits */
};

/* A blank canvas, which lives in the arena; false: no memory. */
bool canvas_init(struct canvas *ret_canvas, int columns, int rows, struct luna_arena *arena);
void canvas_dot(struct canvas *canvas, enum canvas_layer layer, int x, int y);
/* A straight line, both ends included. */
void canvas_line(struct canvas *canvas, enum canvas_layer layer, int x0, int y0, int x1, int y1);
/* Shades the cells of column x from dot `top` to dot `bottom`. */
void canvas_shade(struct canvas *canvas, int x, int top, int bottom);
/* Appends one row of cells as UTF-8, without the end of the line. `colours`: one for each layer;
 * NULL: none. */
void canvas_put_row(const struct canvas *canvas, int row, const enum colour *colours,
                    struct luna_buf *out);

#endif
