/* Answers as records: whole, in order, and never past their deadline. */
#include "fastcgi/fcgi_records.h"
#include "wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { STDOUT = 6, END_REQUEST = 3, BIG = 1000000 };

static bool read_exactly(int fd, void *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t more = read(fd, (char *)to + got, len - got);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

/* Reads an answer; returns the content's length, with the content in `out`. */
static size_t read_answer(int fd, char *out)
{
    size_t len = 0;
    bool ended = false;
    for (;;) {
        unsigned char header[8];
        assert_true(read_exactly(fd, header, sizeof header));
        size_t content = (size_t)header[4] << 8 | header[5];
        assert_int_equal(header[0], 1);
        assert_int_equal(header[2] << 8 | header[3], 0x1234);
        if (header[1] == END_REQUEST) {
            unsigned char body[8];
            assert_int_equal(content, 8);
            assert_true(read_exactly(fd, body, sizeof body));
            assert_memory_equal(body, "\0\0\0\0\0\0\0\0", 8);
            assert_true(ended);
            return len;
        }
        assert_int_equal(header[1], STDOUT);
        assert_false(ended);
        ended = content == 0;
        assert_true(read_exactly(fd, out + len, content));
        len += content;
        assert_int_equal(header[6], 0);
    }
}

static void check_size(size_t head_len, size_t body_len, bool in_parts)
{
    int ends[2];
    char *sent = malloc(head_len + body_len + 1);
    char *got = malloc(head_len + body_len + 1);
    for (size_t i = 0; i < head_len + body_len; i++)
        sent[i] = (char)(i * 31 + i / 251);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        /* In two parts, and cut in the middle of the body: the reader must not see a seam. */
        const struct fcgi_answer first = {0x1234,          sent,         head_len,
                                          sent + head_len, body_len / 2, true};
        const struct fcgi_answer last = {
            0x1234, "", 0, sent + head_len + body_len / 2, body_len - body_len / 2, false};
        close(ends[0]);
        int failed =
            in_parts ? fcgi_records_send(ends[1], &first, luna_deadline_in_ms(WAIT_MS)) : 0;
        const struct fcgi_answer whole = {0x1234, sent, head_len, sent + head_len, body_len, false};
        _exit(failed != 0 ? failed
                          : fcgi_records_send(ends[1], in_parts ? &last : &whole,
                                              luna_deadline_in_ms(WAIT_MS)));
    }
    close(ends[1]);
    assert_int_equal(read_answer(ends[0], got), head_len + body_len);
    assert_memory_equal(got, sent, head_len + body_len);
    int status = 0;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    close(ends[0]);
    free(sent);
    free(got);
}

static void every_size_arrives_whole_and_in_order(void **state)
{
    static const size_t sizes[][2] = {
        {0, 0},           {1, 0},         {0, 1},         {200, 80},     {65527, 0},
        {65528, 0},       {65528, 1},     {100, 65428},   {100, 65429},  {70000, 70000},
        {131056, 131056}, {300, 1048448}, {300, 5000000}, {5000000, 300}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_size(sizes[i][0], sizes[i][1], false);
}

static void an_answer_in_parts_is_one_answer(void **state)
{
    static const size_t sizes[][2] = {
        {0, 1}, {200, 80}, {100, 65429}, {300, 1048448}, {300, 5000000}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_size(sizes[i][0], sizes[i][1], true);
}

static void reader_that_stops_costs_no_more_than_the_deadline(void **state)
{
    int ends[2];
    char *body = calloc(1, BIG);
    const struct fcgi_answer answer = {1, "", 0, body, BIG, false};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int64_t begin = luna_clock_mono_ns();
    assert_int_equal(fcgi_records_send(ends[1], &answer, luna_deadline_in_ms(100)), ETIMEDOUT);
    assert_in_range((luna_clock_mono_ns() - begin) / 1000000, 90, WAIT_MS);
    close(ends[0]);
    close(ends[1]);
    free(body);
}

static void reader_that_left_is_an_error_and_no_signal(void **state)
{
    int ends[2];
    const struct fcgi_answer answer = {1, "head", 4, "body", 4, false};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[0]);
    assert_int_equal(fcgi_records_send(ends[1], &answer, luna_deadline_in_ms(100)), EPIPE);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_arrives_whole_and_in_order),
        cmocka_unit_test(an_answer_in_parts_is_one_answer),
        cmocka_unit_test(reader_that_stops_costs_no_more_than_the_deadline),
        cmocka_unit_test(reader_that_left_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
