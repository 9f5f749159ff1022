/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/buf.h"
#include "core/err.h"
#include "core/strv.h"
#include "guest/base/guest.h"

/*
 * Authorized keys: lines of such files, and where sshd looks for a user's
 * (cloud-init 26.2 ssh_util.py). An instance's keys are merged into what is there: a key that
 * the file has already gets the new line, others stay.
 */

/* One line. All texts are in an arena; NULL where the line has no such part. */
struct ssh_key {
    const char *source;  /* the line as it came */
    const char *options; /* in front of the key type */
    const char *type;    /* NULL with 'blob': the line is no key */
    const char *blob;    /* base64 */
    const char *comment;
};

struct ssh_key_list {
    struct ssh_key *items; /* in the arena */
    size_t n, cap;
};

/* 'options' (may be NULL or "") replace those of the line. */
struct ssh_key ssh_key_parse(struct ol_arena *a, const char *line, const char *options);
/* Every line of a text. */
void ssh_keys_parse(struct ol_arena *a, const char *text, struct ssh_key_list *to);
/* A key file's text: 'old' lines with those of 'keys' put in. */
void ssh_keys_merge(const struct ssh_key_list *old, const struct ssh_key_list *keys,
                    struct ol_buf *to);

/* The options that send whoever logs in as 'user' to 'instead'. 'form' is the configured text
 * with $USER and $DISABLE_USER, NULL = cloud-init's own. Into the arena. */
const char *ssh_disable_options(struct ol_arena *a, const char *form, const char *user,
                                const char *instead);

/* The paths that AuthorizedKeysFile's value names for a user; NULL is sshd's default. */
void ssh_key_paths(const char *value, const char *home, const char *user, struct ol_strv *to);

/* The file whose keys sshd accepts for a user, made empty (with its directories, in the modes
 * that StrictModes asks for) when it is not there. Into the arena; -ENOENT: no such user. */
int ssh_user_key_file(struct guest *g, const char *user, const char **ret, struct ol_err *err)
    __attribute__((warn_unused_result));

/* Merges 'keys' (a list of texts, repeated ones count once) into the user's key file. 'options' as
 * ssh_key_parse(). -ELOOP when the way there has a link that is not root's: we write as root, and
 * a user's link may lead to root's own keys. */
int ssh_setup_user_keys(struct guest *g, const struct ol_strv *keys, const char *user,
                        const char *options, struct ol_err *err)
    __attribute__((warn_unused_result));
