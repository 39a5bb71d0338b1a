#include "series/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct luna_arena arena;
static struct luna_buf out;

/* The drawing of a series that the model reproduces, with one forecast if `horizon` is given. */
static const char *draw(const double *values, size_t n, const double *mean, size_t horizon,
                        struct plot_frame frame)
{
    struct luna_request request = {.values = values, .n = n};
    struct luna_result result = {
        .n = n, .processed = values, .forecast = {.horizon = horizon, .mean = mean}};
    luna_arena_reset(&arena);
    luna_buf_clear(&out);
    assert_true(plot_draw(&request, &result, frame, &arena, &out));
    luna_buf_putc(&out, '\0');
    assert_false(out.overflow);
    return out.data;
}

static const struct plot_frame small = {.columns = 40, .rows = 12};

static int columns_of(const char *line, size_t len)
{
    int columns = 0;
    for (size_t i = 0; i < len; i++)
        columns += ((unsigned char)line[i] & 0xc0) != 0x80; /* UTF-8: every first byte */
    return columns;
}

/* `drawing` has the lines of the frame, none wider than it. */
static void assert_fits(const char *drawing, struct plot_frame frame)
{
    int lines = 0;
    for (; *drawing != '\0'; lines++) {
        size_t len = strcspn(drawing, "\n");
        if (lines > 0) /* the legend may be wider than a very small terminal */
            assert_in_range(columns_of(drawing, len), 0, frame.columns);
        drawing += len + 1;
    }
    assert_int_equal(lines, frame.rows - 1);
}

static void a_series_is_drawn_outside_its_frame(void **state)
{
    (void)state;
    static const double rows[][4] = {
        {1, 2, 3, 4},           {5, 5, 5, 5},       {0, 0, 0, 0},
        {NAN, NAN, NAN, NAN},   {1e308, -1e308, 0}, {5e-324, 1e-323, 0, 5e-324},
        {1e16, 1e16 + 2, 1e16}, {-3, NAN, 1e-9, 7}, {-1e-300, 1e-300, 0},
    };
    static const double mean[] = {4, 9};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t n = 1; n <= 4; n++) {
            assert_fits(draw(rows[i], n, NULL, 0, small), small);
            assert_fits(draw(rows[i], n, mean, 2, small), small);
        }
}

static void a_number_stands_at_another_height(void **state)
{
    (void)state;
    static const double values[] = {0, 10};
    const char *drawing = draw(values, 2, NULL, 0, small);
    /* The line rises from the left of the row of 0 to the right of the row of 10. */
    const char *top = strstr(drawing, "10 ┤"), *bottom = strstr(drawing, " 0 ┤⣀");
    assert_non_null(top);
    assert_non_null(bottom);
    assert_true(top < bottom);
    assert_memory_equal(strchr(top, '\n') - 3, "⠉", 3);
}

static void a_missing_value_is_drawn(void **state)
{
    (void)state;
    static const double values[] = {1, 1, NAN, 1, 1};
    const char *drawing = draw(values, 5, NULL, 0, small);
    const char *line = strstr(drawing, "1 ┤");
    assert_non_null(line);
    size_t len = strcspn(line, "\n");
    char copy[256];
    assert_true(len < sizeof copy);
    memcpy(copy, line, len);
    copy[len] = '\0';
    assert_non_null(strstr(copy, "        ")); /* the gap */
}

static void a_drawing_without_colour_has_an_escape(void **state)
{
    (void)state;
    static const double values[] = {1, 2, 3};
    assert_null(strchr(draw(values, 3, values, 3, small), '\033'));
    struct plot_frame coloured = small;
    coloured.colour = true;
    assert_non_null(strchr(draw(values, 3, values, 3, coloured), '\033'));
}

static int open_buffers(void **state)
{
    (void)state;
    luna_arena_init(&arena, 65536, 1 << 22);
    luna_buf_init(&out, 1 << 20);
    return 0;
}

static int close_buffers(void **state)
{
    (void)state;
    luna_arena_done(&arena);
    luna_buf_done(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_series_is_drawn_outside_its_frame),
        cmocka_unit_test(a_number_stands_at_another_height),
        cmocka_unit_test(a_missing_value_is_drawn),
        cmocka_unit_test(a_drawing_without_colour_has_an_escape),
    };
    return cmocka_run_group_tests(tests, open_buffers, close_buffers);
}
