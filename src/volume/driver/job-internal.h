/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/env.h"
#include "core/strv.h"
#include "volume/driver/check.h"
#include "volume/driver/record.h"
#include "volume/plugin/mountinfo.h"

enum { JOB_RESULTS = 6, JOB_ARGUMENTS = 6, LOOP_NAME = 32 };

struct job {
    struct ol_env *env;
    const char *state_dir;
    const char *args[JOB_ARGUMENTS]; /* "" where there is none */
    struct ol_buf input;
    struct driver_record record;
    char *data; /* path of its data */
    int64_t results[JOB_RESULTS];
    size_t n_results;
};

/* --- verbs: 0 or -errno with a sentence --- */
int job_create(struct job *j, struct ol_err *err); /* input: the record */
int job_delete(struct job *j, struct ol_err *err);
int job_expand(struct job *j, struct ol_err *err); /* SIZE */
int job_modify(struct job *j, struct ol_err *err); /* thick|thin */
int job_attach(struct job *j, struct ol_err *err); /* NODE ro|rw; "" = from none */
int job_stage(struct job *j, struct ol_err *err);  /* PATH FS ro|rw; input: mount flags */
int job_stage_block(struct job *j, struct ol_err *err);
int job_unstage(struct job *j, struct ol_err *err);       /* PATH */
int job_publish(struct job *j, struct ol_err *err);       /* TARGET ro|rw single|multi STAGING */
int job_publish_block(struct job *j, struct ol_err *err); /* TARGET - single|multi */
int job_unpublish(struct job *j, struct ol_err *err);     /* TARGET */
int job_grow(struct job *j, struct ol_err *err);          /* PATH; result: bytes */
/* PATH; results: bytes available, total, used; inodes available, total, used (or none) */
int job_stats(struct job *j, struct ol_err *err);

/* --- shared (job.c) --- */
int job_save(struct job *j, struct ol_err *err) __attribute__((warn_unused_result));
/* Runs a program to its end; its words go to 'ret_out', which may be NULL. The exit status, or
 * -errno with a sentence. It dies with us. */
int job_run(struct job *j, const char *const *argv, struct ol_buf *ret_out, struct ol_err *err)
    __attribute__((warn_unused_result));
/* The image has at least the record's size; a crash may have come between. */
int job_fit_image(struct job *j, struct ol_err *err) __attribute__((warn_unused_result));

/* --- loop devices (loop.c) --- */
struct loop {
    int fd;
    char device[LOOP_NAME]; /* "/dev/loop3" */
    char number[LOOP_NAME]; /* "7:3" */
};
#define LOOP_INIT                                                                                  \
    {                                                                                              \
        .fd = -1                                                                                   \
    }
void loop_close(struct loop *l);
/* The device whose file is 'path', open: 1, 0 when there is none. One file has one device: two
 * would be two caches of the same data. */
int loop_find(struct job *j, const char *path, struct loop *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Finds it, or makes one that lives as long as somebody has it open. */
int loop_get(struct job *j, const char *path, struct loop *ret, struct ol_err *err)
    __attribute__((warn_unused_result));
/* It stays although nobody has it open, or no longer does. */
int loop_keep(struct job *j, const struct loop *l, bool is_kept, struct ol_err *err)
    __attribute__((warn_unused_result));
/* 0: it is gone; 1: it goes when who else has it open closes it. */
int loop_detach(struct job *j, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
/* Takes over the size of its file. */
int loop_grow(struct job *j, const struct loop *l, struct ol_err *err)
    __attribute__((warn_unused_result));

/* --- mounting (mount.c) --- */
/* mount(2) with the options of mount(8), of which 'options' is a list. */
int job_mount(struct job *j, const char *device, const char *path, const char *fs,
              const char *options, bool is_read_only, struct ol_err *err)
    __attribute__((warn_unused_result));
/* What is on top there is this volume's: 1; another's: 0; nothing is mounted: -ENOENT. */
int job_is_ours(struct job *j, const char *path);
/* Unmounts all layers of ours; what is not ours is an error. */
int job_umount(struct job *j, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
/* A path where the volume is mounted, other than these two ("" = none); NULL when there is none.
 * Heap. */
char *job_mounted_at(struct job *j, const char *but, const char *nor);

/* --- file systems on the device (format.c) --- */
/* What mkfs has made there, "" = nothing. */
int job_probe(const char *device, char ret_type[16], struct ol_err *err)
    __attribute__((warn_unused_result));
/* Makes it, checks it, lets it fill a larger device. 'fs' "" = what there is, else ext4; *ret_fs is
 * the one that it has. */
int job_prepare(struct job *j, const char *device, const char *fs, bool is_read_only,
                const char **ret_fs, struct ol_err *err) __attribute__((warn_unused_result));
/* The file system on the device is smaller than the device. */
bool job_is_too_small(const char *device, const char *fs);
int job_grow_xfs(struct job *j, const char *path, struct ol_err *err)
    __attribute__((warn_unused_result));
