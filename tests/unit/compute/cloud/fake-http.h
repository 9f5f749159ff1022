/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/http.h"
#include "core/strv.h"

/*
 * A double of core/http.h: answers that were prepared, and what was asked. Asks for tokens get
 * "token-N" with an hour of life unless something was prepared for them. Not for several threads.
 */
struct fake_answer {
    const char *what; /* the beginning of "METHOD URL"; used once */
    int code;         /* -errno instead of an answer */
    int status;
    const char *body;
    bool is_used;
};

struct fake_http {
    struct ol_env env;
    struct ol_clock clock;
    ol_time now, slept;
    struct ol_log log; /* a test may add a sink */
    struct fake_answer answers[16];
    struct ol_strv asked;   /* "METHOD URL" */
    struct ol_strv headers; /* of each, joined by "\n" */
    struct ol_strv bodies;
    unsigned n_tokens, n_keeps;
};

void fake_http_init(struct fake_http *f);
/* Fails the test when a kept connection was not released, or an answer was not asked for. */
void fake_http_done(struct fake_http *f);
void fake_http_answer(struct fake_http *f, const char *what, int code, int status,
                      const char *body);
