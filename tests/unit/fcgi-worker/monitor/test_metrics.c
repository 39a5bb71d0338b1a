/* The page of metrics: it fits its buffer, and shows every route and problem by its name. */
#include "monitor/metrics.h"

#include "api/routes.h"
#include "http/problem.h"
#include "luna/http/listener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct scoreboard *board;
static int board_fd;
static struct names names;
static struct luna_buf page;

static int set_up(void **state)
{
    struct luna_error err;
    (void)state;
    for (size_t i = 0; i < api_routes.count; i++)
        names.routes[i] = api_routes.routes[i].name;
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++)
        names.problems[i] = problem_row((enum problem_id)i)->code;
    luna_buf_init(&page, LUNA_HTTP_RESPONSE_BYTES_MAX);
    return scoreboard_new(&board, &board_fd, &err) == LUNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    luna_buf_done(&page);
    close(board_fd);
    return munmap(board, sizeof *board);
}

static bool page_has(const char *line)
{
    luna_buf_putc(&page, '\0');
    bool found = strstr(page.data, line) != NULL;
    page.len--;
    return found;
}

static void the_page_of_metrics_outgrows_its_buffer(void **state)
{
    (void)state;
    metrics_put(board, &names, 0, &page);
    assert_false(page.overflow);
    assert_in_range(page.len, 1, LUNA_HTTP_RESPONSE_BYTES_MAX / 4);
}

static void a_count_stands_under_another_name(void **state)
{
    (void)state;
    atomic_store(&board->master[3].starts, 1);
    scoreboard_worker_end(
        &board->worker[3],
        &(struct scoreboard_sample){.status = 403, .route = 0, .problem = PROBLEM_KEY_INVALID});
    scoreboard_worker_end(&board->worker[3],
                          &(struct scoreboard_sample){.status = 404, .route = -1});
    metrics_put(board, &names, 0, &page);
    char line[160];
    (void)snprintf(line, sizeof line,
                   "\nluna_worker_route_requests_total{route=\"%s\",status=\"403\"} 1\n",
                   api_routes.routes[0].name);
    assert_true(page_has(line));
    assert_true(page_has("\nluna_worker_route_requests_total{route=\"none\",status=\"404\"} 1\n"));
    assert_true(page_has("\nluna_worker_problems_total{code=\"key_invalid\"} 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_of_metrics_outgrows_its_buffer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_count_stands_under_another_name, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
