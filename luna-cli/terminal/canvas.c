#include "terminal/canvas.h"

#include <assert.h>
#include <stdlib.h>

bool canvas_init(struct canvas *ret_canvas, int columns, int rows, struct luna_arena *arena)
{
    assert(columns > 0 && rows > 0);
    struct canvas canvas = {.columns = columns, .rows = rows};
    for (int i = 0; i < CANVAS_LAYERS; i++) {
        canvas.layers[i] = luna_arena_calloc(arena, (size_t)rows * (size_t)columns, 1);
        if (canvas.layers[i] == NULL)
            return false;
    }
    *ret_canvas = canvas;
    return true;
}

/* The bit of a dot in its cell, as Unicode numbers the dots of braille patterns. */
static unsigned char dot_bit(int x, int y)
{
    static const unsigned char bits[CANVAS_DOTS_Y][CANVAS_DOTS_X] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    return bits[y % CANVAS_DOTS_Y][x % CANVAS_DOTS_X];
}

void canvas_dot(struct canvas *canvas, enum canvas_layer layer, int x, int y)
{
    if (x < 0 || y < 0 || x >= canvas->columns * CANVAS_DOTS_X || y >= canvas->rows * CANVAS_DOTS_Y)
        return;
    int cell = y / CANVAS_DOTS_Y * canvas->columns + x / CANVAS_DOTS_X;
    canvas->layers[layer][cell] |= dot_bit(x, y);
}

void canvas_line(struct canvas *canvas, enum canvas_layer layer, int x0, int y0, int x1, int y1)
{
    int wide = abs(x1 - x0), high = abs(y1 - y0);
    int steps = wide > high ? wide : high;
    for (int i = 0; i <= steps; i++) {
        int half = steps / 2; /* so that the division rounds to the nearest dot */
        int across = steps > 0 ? (wide * i + half) / steps : 0;
        int along = steps > 0 ? (high * i + half) / steps : 0;
        canvas_dot(canvas, layer, x1 > x0 ? x0 + across : x0 - across,
                   y1 > y0 ? y0 + along : y0 - along);
    }
}

void canvas_shade(struct canvas *canvas, int x, int top, int bottom)
{
    int last = canvas->rows * CANVAS_DOTS_Y - 1;
    for (int y = top < 0 ? 0 : top; y <= bottom && y <= last; y++)
        canvas_dot(canvas, CANVAS_SHADE, x, y);
}

static void put_braille(unsigned char dots, struct luna_buf *out)
{
    /* U+2800 + dots in UTF-8 */
    luna_buf_putc(out, (char)0xe2);
    luna_buf_putc(out, (char)(0xa0 | dots >> 6));
    luna_buf_putc(out, (char)(0x80 | (dots & 0x3f)));
}

/* The uppermost layer with a dot in this cell, and the dots of all of them. */
static enum canvas_layer look(const struct canvas *canvas, int cell, unsigned char *ret_dots)
{
    enum canvas_layer uppermost = CANVAS_SHADE;
    *ret_dots = 0;
    for (int layer = CANVAS_POINTS; layer < CANVAS_LAYERS; layer++) {
        *ret_dots |= canvas->layers[layer][cell];
        if (canvas->layers[layer][cell] != 0)
            uppermost = (enum canvas_layer)layer;
    }
    return uppermost;
}

void canvas_put_row(const struct canvas *canvas, int row, const enum colour *colours,
                    struct luna_buf *out)
{
    assert(row >= 0 && row < canvas->rows);
    enum colour now = COLOUR_NONE;
    for (int column = 0; column < canvas->columns; column++) {
        int cell = row * canvas->columns + column;
        unsigned char dots = 0;
        enum canvas_layer layer = look(canvas, cell, &dots);
        bool shaded = dots == 0 && canvas->layers[CANVAS_SHADE][cell] != 0;
        enum colour wanted =
            colours != NULL && (dots != 0 || shaded) ? colours[layer] : COLOUR_NONE;
        if (wanted != now) {
            luna_buf_puts(out, colour_end(now));
            luna_buf_puts(out, colour_start(wanted));
            now = wanted;
        }
        if (dots != 0)
            put_braille(dots, out);
        else
            luna_buf_puts(out, shaded ? "░" : " ");
    }
    luna_buf_puts(out, colour_end(now));
}
