#include "terminal/canvas.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct luna_arena arena;
static struct luna_buf out;
static struct canvas canvas;

static void start(int columns, int rows)
{
    luna_arena_init(&arena, 4096, 1 << 20);
    luna_buf_init(&out, 4096);
    assert_true(canvas_init(&canvas, columns, rows, &arena));
}

static const char *row(int number, const enum colour *colours)
{
    luna_buf_clear(&out);
    canvas_put_row(&canvas, number, colours, &out);
    luna_buf_putc(&out, '\0');
    return out.data;
}

static void end(void)
{
    luna_buf_done(&out);
    luna_arena_done(&arena);
}

/* The patterns are Unicode's: U+2801 is the dot at the top left, U+2880 at the bottom right. */
static void a_dot_is_in_another_place(void **state)
{
    (void)state;
    static const char *const patterns[4][2] = {{"⠁", "⠈"}, {"⠂", "⠐"}, {"⠄", "⠠"}, {"⡀", "⢀"}};
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 2; x++) {
            start(2, 2);
            canvas_dot(&canvas, CANVAS_POINTS, 2 + x, 4 + y);
            assert_string_equal(row(0, NULL), "  ");
            assert_string_equal(row(1, NULL) + 1, patterns[y][x]);
            end();
        }
}

static void a_line_has_a_hole(void **state)
{
    (void)state;
    start(2, 2);
    canvas_line(&canvas, CANVAS_LINE, 0, 7, 3, 0);
    assert_string_equal(row(0, NULL), " ⡜");
    assert_string_equal(row(1, NULL), "⡜ ");
    end();
    start(2, 1);
    canvas_line(&canvas, CANVAS_LINE, 3, 1, 0, 1);
    assert_string_equal(row(0, NULL), "⠒⠒");
    canvas_line(&canvas, CANVAS_LINE, 1, 2, 1, 2);
    assert_string_equal(row(0, NULL), "⠲⠒");
    end();
}

static void a_dot_outside_is_drawn(void **state)
{
    (void)state;
    start(1, 1);
    canvas_dot(&canvas, CANVAS_POINTS, -1, 0);
    canvas_dot(&canvas, CANVAS_POINTS, 0, -1);
    canvas_dot(&canvas, CANVAS_POINTS, 2, 0);
    canvas_dot(&canvas, CANVAS_POINTS, 0, 4);
    canvas_shade(&canvas, 5, -9, 9);
    assert_string_equal(row(0, NULL), " ");
    canvas_shade(&canvas, 0, -9, 900);
    assert_string_equal(row(0, NULL), "░");
    end();
}

static void a_colour_outlives_its_cell(void **state)
{
    (void)state;
    static const enum colour colours[CANVAS_LAYERS] = {
        [CANVAS_SHADE] = COLOUR_FAINT, [CANVAS_LINE] = COLOUR_LINE, [CANVAS_MORE] = COLOUR_MORE};
    start(4, 1);
    canvas_shade(&canvas, 0, 0, 3);
    canvas_shade(&canvas, 2, 0, 3);
    canvas_dot(&canvas, CANVAS_POINTS, 2, 0); /* under the line, whose colour the cell has */
    canvas_dot(&canvas, CANVAS_LINE, 2, 1);
    canvas_dot(&canvas, CANVAS_MORE, 6, 0);
    assert_string_equal(row(0, colours), "\033[90m░\033[0m\033[36m⠃\033[0m \033[35m⠁\033[0m");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dot_is_in_another_place),
        cmocka_unit_test(a_line_has_a_hole),
        cmocka_unit_test(a_dot_outside_is_drawn),
        cmocka_unit_test(a_colour_outlives_its_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
