/* The queue's depth, as the kernel tells it. */
#include "master/backlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void depth_counts_connections_nobody_took(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct backlog backlog = {0};
    int clients[3];
    (void)state;
    /* An abstract name, chosen by the kernel. */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 7), 0);
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    for (int i = 0; i < 3; i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&address, len), 0);
        assert_true(backlog_read(fd, &backlog));
        assert_int_equal(backlog.depth, i + 1);
    }
    assert_int_equal(backlog.max, 7);
    close(accept(fd, NULL, NULL));
    assert_true(backlog_read(fd, &backlog));
    assert_int_equal(backlog.depth, 2);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    close(fd);
}

static void no_socket_is_no_depth(void **state)
{
    struct backlog backlog;
    (void)state;
    assert_false(backlog_read(-1, &backlog));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(depth_counts_connections_nobody_took),
                                       cmocka_unit_test(no_socket_is_no_depth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
