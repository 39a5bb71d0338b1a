/* What a peer sends, in pieces of every size: whole requests are read as libfcgi reads them, up to
 * their last byte, and whatever is not one is refused. */
#include "fastcgi/fcgi_reader.h"

#include "luna/base/buf.h"

#include <fcgiapp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { ID = 0x0102, PIECE_MAX = 40, BYTES_MAX = 200000 };

static struct fcgi_reader reader;
static struct luna_buf bytes;
static struct luna_buf body;

static int set_up(void **state)
{
    (void)state;
    luna_buf_init(&bytes, BYTES_MAX);
    luna_buf_init(&body, BYTES_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    luna_buf_done(&bytes);
    luna_buf_done(&body);
    return 0;
}

static void add_padded(int type, int id, const char *content, size_t len, size_t padding)
{
    const unsigned char header[] = {FCGI_VERSION_1,
                                    (unsigned char)type,
                                    (unsigned char)(id >> 8),
                                    (unsigned char)id,
                                    (unsigned char)(len >> 8),
                                    (unsigned char)len,
                                    (unsigned char)padding,
                                    0};
    luna_buf_append(&bytes, header, sizeof header);
    luna_buf_append(&bytes, content, len);
    for (size_t i = 0; i < padding; i++)
        luna_buf_putc(&bytes, 'P');
}

static void add(int type, const char *content, size_t len)
{
    add_padded(type, ID, content, len, 0);
}

static void add_begin(void)
{
    add(FCGI_BEGIN_REQUEST, "\0\1\1\0\0\0\0\0", 8);
}

/* The request that the tests of good input share: a short and a long form of lengths, an empty
 * value, parameters that are cut by a record's end, padding. */
static void add_request_with(size_t padding_of_ends)
{
    static const char params[] = "\6\3METHODGET"
                                 "\5\200\0\0\2EMPTY/x"
                                 "\4\0NONE";
    add_padded(FCGI_BEGIN_REQUEST, ID, "\0\1\1\0\0\0\0\0", 8, padding_of_ends);
    add_padded(FCGI_PARAMS, ID, params, 13, 5);
    add_padded(FCGI_PARAMS, ID, params + 13, sizeof params - 1 - 13, 0);
    add_padded(FCGI_PARAMS, ID, "", 0, padding_of_ends);
    add_padded(FCGI_STDIN, ID, "hello ", 6, 2);
    add_padded(FCGI_STDIN, ID, "world", 5, 0);
    add_padded(FCGI_STDIN, ID, "", 0, padding_of_ends);
}

static void add_request(void)
{
    add_request_with(7);
}

/* Passes `bytes` in pieces; returns the last outcome, and how many bytes were taken. */
static enum fcgi_read read_in_pieces(size_t piece_len, size_t *ret_taken)
{
    enum fcgi_read outcome = FCGI_READ_MORE;
    size_t offset = 0;
    fcgi_reader_begin(&reader);
    luna_buf_clear(&body);
    while (outcome != FCGI_READ_END && outcome != FCGI_READ_INVALID && offset < bytes.len) {
        size_t left = bytes.len - offset;
        struct fcgi_bytes part;
        struct fcgi_bytes input = {(const unsigned char *)bytes.data + offset,
                                   piece_len < left ? piece_len : left};
        const unsigned char *start = input.at;
        do {
            outcome = fcgi_reader_take(&reader, &input, &part);
            if (outcome == FCGI_READ_BODY)
                luna_buf_append(&body, part.at, part.len);
        } while (outcome == FCGI_READ_HEAD || outcome == FCGI_READ_BODY);
        offset += (size_t)(input.at - start);
    }
    *ret_taken = offset;
    return outcome;
}

static void assert_whole_request(void)
{
    assert_int_equal(reader.request_id, ID);
    assert_int_equal(reader.param_count, 3);
    assert_string_equal(fcgi_reader_param(&reader, "METHOD"), "GET");
    assert_string_equal(fcgi_reader_param(&reader, "EMPTY"), "/x");
    assert_string_equal(fcgi_reader_param(&reader, "NONE"), "");
    assert_null(fcgi_reader_param(&reader, "METH"));
    assert_int_equal(body.len, 11);
    assert_memory_equal(body.data, "hello world", 11);
}

static void a_request_is_read_the_same_in_pieces_of_any_size(void **state)
{
    size_t taken = 0;
    (void)state;
    add_request();
    for (size_t piece_len = 1; piece_len <= bytes.len; piece_len++) {
        assert_int_equal(read_in_pieces(piece_len, &taken), FCGI_READ_END);
        assert_int_equal(taken, bytes.len);
        assert_whole_request();
    }
}

static void no_byte_of_the_next_request_is_taken(void **state)
{
    size_t taken = 0;
    (void)state;
    add_request();
    size_t first_len = bytes.len;
    add_request();
    for (size_t piece_len = 1; piece_len <= bytes.len; piece_len++) {
        assert_int_equal(read_in_pieces(piece_len, &taken), FCGI_READ_END);
        assert_int_equal(taken, first_len);
        assert_whole_request();
    }
}

static void every_request_that_is_cut_off_is_unfinished(void **state)
{
    size_t taken = 0;
    (void)state;
    add_request();
    while (bytes.len > 1) {
        bytes.len--;
        assert_int_equal(read_in_pieces(PIECE_MAX, &taken), FCGI_READ_MORE);
        assert_int_equal(taken, bytes.len);
    }
}

static void assert_refused(const char *fault)
{
    size_t taken = 0;
    for (size_t piece_len = 1; piece_len <= PIECE_MAX; piece_len++) {
        assert_int_equal(read_in_pieces(piece_len, &taken), FCGI_READ_INVALID);
        assert_string_equal(reader.fault, fault);
        struct fcgi_bytes more = {(const unsigned char *)"x", 1}, part;
        assert_int_equal(fcgi_reader_take(&reader, &more, &part), FCGI_READ_INVALID);
        assert_int_equal(more.len, 1);
    }
    luna_buf_clear(&bytes);
}

static void records_out_of_order_are_refused(void **state)
{
    static const int others[] = {FCGI_BEGIN_REQUEST,
                                 FCGI_END_REQUEST,
                                 FCGI_STDIN,
                                 FCGI_STDOUT,
                                 FCGI_STDERR,
                                 FCGI_DATA,
                                 FCGI_GET_VALUES,
                                 FCGI_GET_VALUES_RESULT,
                                 FCGI_UNKNOWN_TYPE,
                                 0,
                                 255};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        add_begin();
        add(others[i], "", 0);
        assert_refused("a record of another type");
    }
    add(FCGI_PARAMS, "", 0);
    assert_refused("a record of another type");
    add_begin();
    add(FCGI_PARAMS, "", 0);
    add(FCGI_PARAMS, "", 0);
    assert_refused("a record of another type");
    add_begin();
    add(FCGI_ABORT_REQUEST, "", 0);
    assert_refused("a request that was aborted");
}

static void records_of_others_are_refused(void **state)
{
    (void)state;
    add_begin();
    add_padded(FCGI_PARAMS, ID + 1, "", 0, 0);
    assert_refused("a record of another request");
    add_begin();
    add_padded(FCGI_PARAMS, FCGI_NULL_REQUEST_ID, "", 0, 0);
    assert_refused("a record of another request");
    add_padded(FCGI_BEGIN_REQUEST, FCGI_NULL_REQUEST_ID, "\0\1\0\0\0\0\0\0", 8, 0);
    assert_refused("a request without an id");
    add(FCGI_BEGIN_REQUEST, "\0\3\0\0\0\0\0\0", 8);
    assert_refused("a role other than responder");
    add(FCGI_BEGIN_REQUEST, "\0\1\0\0\0\0\0\0\0", 9);
    assert_refused("a begin record of another size");
    add(FCGI_BEGIN_REQUEST, "", 0);
    assert_refused("a begin record of another size");
    luna_buf_puts(&bytes, "GET / HTTP/1.1\r\n\r\n");
    assert_refused("a version other than 1");
}

static void refuse_params(const char *params, size_t len, const char *fault)
{
    add_begin();
    add(FCGI_PARAMS, params, len);
    add(FCGI_PARAMS, "", 0);
    assert_refused(fault);
}

static void parameters_that_lie_about_their_lengths_are_refused(void **state)
{
    static const char longer[] = "a parameter that is longer than its records";
    static const char cut[] = "parameters that end within a length";
    (void)state;
    refuse_params("\1", 1, cut);
    refuse_params("\1\200\0\0", 4, cut);
    refuse_params("\200\0\0", 3, cut);
    refuse_params("\1\1N", 3, longer);
    refuse_params("\2\0N", 3, longer);
    refuse_params("\377\377\377\376\377\377\377\376", 8, longer); /* 4 GiB of memory, by libfcgi */
    refuse_params("\377\377\377\377\377\377\377\377", 8, longer); /* CVE-2025-23016 */
    refuse_params("\1\377\377\377\377N", 6, longer);
    refuse_params("\0\1V", 3, "a parameter without a name");
    refuse_params("\3\1N\0MV", 6, "a zero byte in a parameter");
    refuse_params("\1\3NV\0V", 6, "a zero byte in a parameter");
}

static void parameters_without_end_are_refused(void **state)
{
    static char name[FCGI_PARAMS_BYTES_MAX / 4];
    (void)state;
    memset(name, 'N', sizeof name);
    add_begin();
    for (size_t i = 0; i < FCGI_PARAMS_BYTES_MAX; i += sizeof name)
        add(FCGI_PARAMS, name, sizeof name);
    add(FCGI_PARAMS, "N", 1);
    assert_refused("too long parameters");
    add_begin();
    for (size_t i = 0; i <= FCGI_PARAMS_MAX; i++)
        add(FCGI_PARAMS, "\1\1NV", 4);
    add(FCGI_PARAMS, "", 0);
    assert_refused("too many parameters");
}

static void the_longest_parameters_that_are_allowed_are_read(void **state)
{
    static char params[FCGI_PARAMS_BYTES_MAX] = "\1\200\0\377\372N"; /* 0xfffa bytes of a value */
    size_t taken = 0;
    (void)state;
    memset(params + 6, 'V', sizeof params - 6);
    add_begin();
    add(FCGI_PARAMS, params, sizeof params / 2);
    add(FCGI_PARAMS, params + sizeof params / 2, sizeof params / 2);
    add(FCGI_PARAMS, "", 0);
    assert_int_equal(read_in_pieces(1000, &taken), FCGI_READ_MORE);
    assert_int_equal(reader.stage, FCGI_STAGE_BODY);
    assert_int_equal(strlen(fcgi_reader_param(&reader, "N")), sizeof params - 6);
}

static void the_first_of_two_parameters_of_one_name_counts(void **state)
{
    size_t taken = 0;
    (void)state;
    add_begin();
    add(FCGI_PARAMS, "\1\1NA\1\1NB", 8);
    add(FCGI_PARAMS, "", 0);
    assert_int_equal(read_in_pieces(PIECE_MAX, &taken), FCGI_READ_MORE);
    assert_string_equal(fcgi_reader_param(&reader, "N"), "A");
}

static void libfcgi_reads_a_whole_request_the_same(void **state)
{
    FCGX_Request request;
    int ends[2];
    char read_body[100];
    (void)state;
    add_request_with(0); /* such padding libfcgi takes for the next record */
    assert_int_equal(FCGX_Init(), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(write(ends[0], bytes.data, bytes.len), (ssize_t)bytes.len);
    assert_int_equal(FCGX_InitRequest(&request, -1, 0), 0);
    request.ipcFd = ends[1];
    request.keepConnection = 1;
    request.detached = 1;
    assert_int_equal(FCGX_Accept_r(&request), 0);
    int read_len = FCGX_GetStr(read_body, sizeof read_body, request.in);
    size_t taken = 0;
    assert_int_equal(read_in_pieces(bytes.len, &taken), FCGI_READ_END);
    assert_int_equal(request.requestId, reader.request_id);
    for (size_t i = 0; i < reader.param_count; i++) {
        char name[32] = {0};
        assert_in_range(reader.params[i].name_len, 1, sizeof name - 1);
        memcpy(name, reader.params[i].name, reader.params[i].name_len);
        assert_string_equal(FCGX_GetParam(name, request.envp), reader.params[i].value);
    }
    assert_int_equal(read_len, (int)body.len);
    assert_memory_equal(read_body, body.data, body.len);
    FCGX_Free(&request, 1);
    close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_read_the_same_in_pieces_of_any_size),
        TEST(no_byte_of_the_next_request_is_taken),
        TEST(every_request_that_is_cut_off_is_unfinished),
        TEST(records_out_of_order_are_refused),
        TEST(records_of_others_are_refused),
        TEST(parameters_that_lie_about_their_lengths_are_refused),
        TEST(parameters_without_end_are_refused),
        TEST(the_longest_parameters_that_are_allowed_are_read),
        TEST(the_first_of_two_parameters_of_one_name_counts),
        TEST(libfcgi_reads_a_whole_request_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
