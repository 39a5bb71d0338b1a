/* The socket: never open to others, never stolen from a pool that serves, depth of its queue
 * known. */
#include "master/listener.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

static char folder[64];
static char path[96];
static struct worker_config config;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/luna-listener-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/w.sock", folder);
    config = (struct worker_config){.socket_path = path, .backlog = 5};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static int connect_to(const char *where)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", where);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static void socket_is_closed_to_others_and_leaves_nothing_behind(void **state)
{
    struct listener listener;
    struct luna_error err;
    struct stat about;
    (void)state;
    umask(0);
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0660);
    listener_close(&listener, true);
    assert_int_equal(stat(path, &about), -1);
}

static void folder_that_all_may_write_is_used(void **state)
{
    struct listener listener;
    struct luna_error err;
    (void)state;
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "chmod o-w"));
    assert_int_equal(chmod(folder, 01777), 0); /* as /tmp: only the owner removes what is there */
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    listener_close(&listener, true);
}

static void live_socket_is_not_stolen(void **state)
{
    struct listener listener;
    struct listener thief;
    struct luna_error err;
    (void)state;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    assert_int_equal(listener_open(&config, false, &thief, &err), LUNA_ECONFLICT);
    char holder[64];
    (void)snprintf(holder, sizeof holder, "another process (process id %ld) is serving",
                   (long)getpid());
    assert_non_null(strstr(err.msg, holder));
    int client = connect_to(path);
    assert_true(client >= 0);
    close(client);
    listener_close(&listener, true);
}

/* A worker of a killed master: it holds the socket, and accepts nothing. Returns its process id. */
static pid_t leave_orphan(int *ret_fd)
{
    int ends[2];
    pid_t orphan = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t master = fork();
    if (master == 0) {
        struct listener listener;
        struct luna_error err;
        if (listener_open(&config, false, &listener, &err) != LUNA_OK)
            _exit(1);
        orphan = fork();
        if (orphan == 0)
            for (;;)
                pause();
        ssize_t wrote = write(ends[1], &orphan, sizeof orphan);
        _exit(wrote == (ssize_t)sizeof orphan ? 0 : 1);
    }
    assert_int_equal(read(ends[0], &orphan, sizeof orphan), sizeof orphan);
    assert_int_equal(waitpid(master, NULL, 0), master);
    close(ends[0]);
    close(ends[1]);
    *ret_fd = connect_to(path);
    return orphan;
}

static void workers_of_a_killed_master_keep_the_next_one_out(void **state)
{
    struct listener listener;
    struct luna_error err;
    int client = -1;
    (void)state;
    pid_t orphan = leave_orphan(&client);
    assert_true(client >= 0);
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    listener_close(&listener, true);
    close(client);
    kill(orphan, SIGKILL);
}

static void a_full_queue_of_a_killed_master_keeps_the_next_one_out(void **state)
{
    struct listener listener;
    struct luna_error err;
    int clients[64];
    int count = 0;
    (void)state;
    pid_t orphan = leave_orphan(&clients[count++]);
    while ((clients[count] = connect_to(path)) >= 0)
        count++;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFLICT);
    assert_int_equal(listener_open(&config, true, &listener, &err), LUNA_OK);
    listener_close(&listener, true);
    while (count > 0)
        close(clients[--count]);
    kill(orphan, SIGKILL);
}

static void dead_socket_is_replaced(void **state)
{
    struct listener listener;
    struct luna_error err;
    (void)state;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    listener_close(&listener, false); /* as a killed master leaves it */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    listener_close(&listener, true);
}

static void too_long_a_path_is_named(void **state)
{
    struct listener listener;
    struct luna_error err;
    static char long_path[200];
    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    config.socket_path = long_path;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_WORKER_SOCKET"));
}

static void missing_folder_and_group_are_named(void **state)
{
    struct listener listener;
    struct luna_error err;
    static char nowhere[] = "/nonexistent/w.sock";
    static char group[] = "no-such-group";
    (void)state;
    config.socket_path = nowhere;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_WORKER_SOCKET"));
    config.socket_path = path;
    config.socket_group = group;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_SOCKET_GROUP"));
    assert_int_equal(access(path, F_OK), -1);
}

static void only_listening_sockets_are_adopted(void **state)
{
    struct listener listener;
    struct luna_error err;
    (void)state;
    int plain = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(listener_adopt(plain, "", &listener, &err), LUNA_EINVAL);
    close(plain);
    assert_int_equal(listener_adopt(999, "", &listener, &err), LUNA_EINVAL);
}

static int connect_to_port(int listen_fd)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(listen_fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(ntohl(address.sin_addr.s_addr), INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void tcp_queue_has_the_length_asked_for_and_shows_its_depth(void **state)
{
    struct listener listener;
    struct luna_error err;
    static char address[] = "127.0.0.1:0";
    (void)state;
    config.worker_listen = address;
    config.socket_path = NULL;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    assert_string_equal(listener.path, "");
    int first = connect_to_port(listener.fd), second = connect_to_port(listener.fd);
    struct listener_backlog backlog = listener_read_backlog(listener.fd);
    assert_int_equal(backlog.depth, 2);
    assert_int_equal(backlog.max, 5);
    close(first);
    close(second);
    listener_close(&listener, true);
}

/* As systemd does it for the unit of every pool. */
static void a_socket_that_systemd_passes_is_used_instead_of_an_address(void **state)
{
    enum { FIRST_FD = 3 };
    struct listener listener, other;
    struct luna_error err;
    static char address[] = "127.0.0.1:0";
    char pid[16];
    (void)state;
    assert_int_equal(listener_open(&config, false, &other, &err), LUNA_OK);
    assert_int_equal(dup2(other.fd, FIRST_FD), FIRST_FD);
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(setenv("LISTEN_PID", pid, 1) | setenv("LISTEN_FDS", "1", 1), 0);
    config.worker_listen = address;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_OK);
    assert_int_equal(unsetenv("LISTEN_FDS"), 0);
    close(connect_to_port(listener.fd));
    struct stat kept, passed;
    assert_int_equal(fstat(other.fd, &kept), 0);
    assert_true(fstat(FIRST_FD, &passed) != 0 || passed.st_ino != kept.st_ino);
    listener_close(&listener, true);
    listener_close(&other, true);
}

static void tcp_address_that_is_taken_or_invalid_is_named(void **state)
{
    struct luna_error err;
    struct listener listener;
    static char none[] = "worker.example:9000";
    static char elsewhere[] = "192.0.2.1:9000";
    (void)state;
    config.worker_listen = none;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "LUNA_WORKER_LISTEN"));
    config.worker_listen = elsewhere;
    assert_int_equal(listener_open(&config, false, &listener, &err), LUNA_ECONFIG);
    assert_non_null(strstr(err.msg, "192.0.2.1:9000"));
}

static void depth_counts_connections_nobody_took(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct listener_backlog backlog;
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
        backlog = listener_read_backlog(fd);
        assert_int_equal(backlog.depth, i + 1);
    }
    assert_int_equal(backlog.max, 7);
    close(accept(fd, NULL, NULL));
    backlog = listener_read_backlog(fd);
    assert_int_equal(backlog.depth, 2);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
    close(fd);
}

static void no_socket_is_no_depth(void **state)
{
    (void)state;
    assert_int_equal(listener_read_backlog(-1).depth, -1);
    assert_int_equal(listener_read_backlog(-1).max, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(socket_is_closed_to_others_and_leaves_nothing_behind,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(folder_that_all_may_write_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(live_socket_is_not_stolen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(workers_of_a_killed_master_keep_the_next_one_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_of_a_killed_master_keeps_the_next_one_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(dead_socket_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_long_a_path_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_folder_and_group_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_listening_sockets_are_adopted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tcp_queue_has_the_length_asked_for_and_shows_its_depth,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_socket_that_systemd_passes_is_used_instead_of_an_address,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(tcp_address_that_is_taken_or_invalid_is_named, set_up,
                                        tear_down),
        cmocka_unit_test(depth_counts_connections_nobody_took),
        cmocka_unit_test(no_socket_is_no_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
