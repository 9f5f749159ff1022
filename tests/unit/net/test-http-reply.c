/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-reply.h"

/* What a reader made of a text, given to it in pieces of so many bytes. */
struct seen {
    char text[512]; /* "200 [body] end keep" */
    size_t used;
};

static void note(struct seen *s, const char *word, size_t len)
{
    size_t n = strlen(s->text);

    assert_true(n + len < sizeof(s->text));
    memcpy(s->text + n, word, len);
    s->text[n + len] = '\0';
}

static bool on_piece(struct seen *s, const struct http_reply *r, const struct http_piece *piece)
{
    char status[24];

    switch (piece->what) {
    case HTTP_PIECE_NONE: return true;
    case HTTP_PIECE_HEAD:
        snprintf(status, sizeof(status), "%d ", r->status);
        note(s, status, strlen(status));
        return true;
    case HTTP_PIECE_BODY: note(s, piece->at, piece->len); return true;
    case HTTP_PIECE_END: break;
    }
    note(s, r->can_keep ? " keep" : " close", r->can_keep ? 5 : 6);
    return false;
}

static void read_in_pieces(const char *text, size_t size, struct seen *s)
{
    struct http_reply r;
    size_t len = strlen(text), at = 0;
    bool is_open = true;

    *s = (struct seen){.used = 0};
    http_reply_init(&r);
    while (is_open && at < len) {
        size_t end = at + size < len ? at + size : len;
        /* Heap of its own: reading past it is seen. */
        ol_autofree char *part = ol_xstrndup(text + at, end - at);
        size_t done = 0;
        struct http_piece piece = {.what = HTTP_PIECE_HEAD};

        while (is_open && (done < end - at || piece.what != HTTP_PIECE_NONE)) {
            ssize_t n = http_reply_read(&r, part + done, end - at - done, &piece);

            if (n < 0) {
                note(s, " broken", 7);
                http_reply_done(&r);
                return;
            }
            done += (size_t)n;
            is_open = on_piece(s, &r, &piece);
        }
        at += done;
    }
    if (is_open)
        note(s, http_reply_end(&r) == 0 ? " eof" : " cut", 4);
    s->used = at;
    http_reply_done(&r);
}

#define OK "HTTP/1.1 200 OK\r\n"

static const struct {
    const char *text, *want;
} cases[] = {
    {OK "Content-Length: 5\r\n\r\nhello", "200 hello keep"},
    {OK "content-length:5\n\nhello", "200 hello keep"},
    {OK "Content-Length: 0\r\n\r\n", "200  keep"},
    {OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "200 hello keep"},
    {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "200 x keep"},
    {"HTTP/1.1 204 None\r\n\r\n", "204  keep"},
    {"HTTP/1.1 304 Same\r\nContent-Length: 9\r\n\r\n", "304  keep"},
    {OK "Content-Length: 1\r\nConnection: x, Close\r\n\r\nx", "200 x close"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "200 x close"},
    {OK "\r\nuntil the end", "200 until the end eof"},
    {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=\"y\"\r\n, all here\r\n0\r\n\r\n",
     "200 hello, all here keep"},
    {OK "Transfer-Encoding: Chunked\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n", "200  keep"},
    {"HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", "200 x keep"},
    {"HTTP/1.1 410 Gone\r\nContent-Length: 2\r\nX: \r\n\r\n{}", "410 {} keep"},
    /* not all of it */
    {OK "Content-Length: 5\r\n\r\nhell", "200 hell cut"},
    {OK "Content-Le", " cut"},
    {"HTTP/1.1 100 Continue\r\n\r\n", " cut"},
    {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "200 hello cut"},
    {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "200  cut"},
    /* what two readers may understand differently */
    {OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", " broken"},
    {OK "Content-Length: 5, 5\r\n\r\nhello", " broken"},
    {OK "Content-Length: +5\r\n\r\nhello", " broken"},
    {OK "Content-Length: -1\r\n\r\n", " broken"},
    {OK "Content-Length: 0x5\r\n\r\nhello", " broken"},
    {OK "Content-Length:\r\n\r\nhello", " broken"},
    {OK "Content-Length: 99999999999999999999\r\n\r\n", " broken"},
    {OK "Content-Length: 9223372036854775808\r\n\r\n", " broken"},
    {OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " broken"},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", " broken"},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", " broken"},
    {OK "Content-Length : 5\r\n\r\nhello", " broken"},
    {OK "X: 1\r\n folded\r\n\r\n", " broken"},
    {OK "no colon\r\n\r\n", " broken"},
    {OK ": no name\r\n\r\n", " broken"},
    {OK "X: a\rb\r\n\r\n", " broken"},
    {OK "Transfer-Encoding: chunked\r\n\r\n5 5\r\nhello", "200  broken"},
    {OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", "200  broken"},
    {OK "Transfer-Encoding: chunked\r\n\r\n-5\r\n", "200  broken"},
    {OK "Transfer-Encoding: chunked\r\n\r\n\r\n", "200  broken"},
    {OK "Transfer-Encoding: chunked\r\n\r\n8000000000000000\r\n", "200  broken"},
    {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n", "200 hello broken"},
    /* no HTTP */
    {"HTTP/2 200 OK\r\n\r\n", " broken"},
    {"HTTP/1.1 2000 OK\r\n\r\n", " broken"},
    {"HTTP/1.1 20 OK\r\n\r\n", " broken"},
    {"HTTP/1.1 abc OK\r\n\r\n", " broken"},
    {"HTTP/1.1 099 OK\r\n\r\n", " broken"},
    {"HTTP/1.1 101 Switching\r\n\r\n", " broken"},
    {"SSH-2.0-OpenSSH_9.2\r\n", " broken"},
    {"\r\n" OK, " broken"},
};

static void answers_are_read_the_same_in_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 7, 4096};
    struct seen s;

    for (size_t i = 0; i < ol_count(cases); i++) {
        for (size_t k = 0; k < ol_count(sizes); k++) {
            read_in_pieces(cases[i].text, sizes[k], &s);
            if (strcmp(s.text, cases[i].want) != 0)
                fail_msg("case %zu in pieces of %zu: \"%s\", want \"%s\"", i, sizes[k], s.text,
                         cases[i].want);
        }
    }
}

static void nothing_is_read_behind_the_end(void **state)
{
    static const char one[] = OK "Content-Length: 1\r\n\r\nx";
    struct seen s;

    read_in_pieces(OK "Content-Length: 1\r\n\r\nx" OK "Content-Length: 1\r\n\r\ny", 4096, &s);
    assert_string_equal(s.text, "200 x keep");
    assert_int_equal(s.used, strlen(one));
}

/* The text 'begin', then 'line' so often that it is too much. */
static ssize_t read_flood(const char *begin, const char *line)
{
    struct http_reply r;
    struct http_piece piece;
    ssize_t n;

    http_reply_init(&r);
    n = http_reply_read(&r, begin, strlen(begin), &piece);
    for (int i = 0; i < HTTP_REPLY_HEAD_MAX && n >= 0; i++)
        n = http_reply_read(&r, line, strlen(line), &piece);
    http_reply_done(&r);
    return n;
}

static void heads_have_a_maximum(void **state)
{
    assert_int_equal(read_flood(OK, "X: y\r\n"), -EPROTO);
    assert_int_equal(read_flood(OK "X: ", "yyyyyyyy"), -EPROTO);
    assert_int_equal(read_flood("HTTP/1.1 ", "2"), -EPROTO);
    assert_int_equal(read_flood("", "HTTP/1.1 100 Continue\r\n\r\n"), -EPROTO);
    assert_int_equal(read_flood(OK "Transfer-Encoding: chunked\r\n\r\n", "0"), -EPROTO);
    assert_int_equal(read_flood(OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"), -EPROTO);
}

static void reader_begins_anew_when_cleared(void **state)
{
    static const char text[] = OK "Content-Length: 1\r\nConnection: close\r\n\r\n";
    struct http_reply r;
    struct http_piece piece;

    http_reply_init(&r);
    assert_false(r.has_begun);
    assert_int_equal(http_reply_read(&r, text, strlen(text), &piece), strlen(text));
    assert_int_equal(piece.what, HTTP_PIECE_HEAD);
    assert_true(r.has_begun);
    http_reply_clear(&r);
    assert_false(r.has_begun);
    assert_int_equal(http_reply_read(&r, text, 3, &piece), 3);
    assert_int_equal(piece.what, HTTP_PIECE_NONE);
    http_reply_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_read_the_same_in_pieces_of_any_size),
        cmocka_unit_test(nothing_is_read_behind_the_end),
        cmocka_unit_test(heads_have_a_maximum),
        cmocka_unit_test(reader_begins_anew_when_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
