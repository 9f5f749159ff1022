/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "codec/base64.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "kube/apiserver/api-internal.h"

enum { MAX_PEM = 65536 };

static int add_file(struct ol_env *env, const char *key, const char *path, struct ol_buf *to,
                    struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf pem = OL_BUF_INIT(MAX_PEM);
    int r = path ? ol_file_read(env, path, &pem, err) : 0;

    if (r < 0 || !path)
        return r;
    ol_buf_printf(to, "    %s: ", key);
    ol_base64_encode(pem.data, pem.len, 0, to);
    ol_buf_addc(to, '\n');
    explicit_bzero(pem.data, pem.len);
    return 0;
}

int apiserver_write_kubeconfig(struct apiserver *s, const char *path, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4 * MAX_PEM);
    int r;

    ol_buf_printf(&b,
                  "apiVersion: v1\nkind: Config\ncurrent-context: orlop\n"
                  "contexts:\n- name: orlop\n  context:\n    cluster: orlop\n    user: admin\n"
                  "clusters:\n- name: orlop\n  cluster:\n    server: %s\n",
                  s->url);
    r = add_file(s->env, "certificate-authority-data", s->files.ca, &b, err);
    if (r < 0)
        return r;
    ol_buf_adds(&b, s->files.admin_cert ? "users:\n- name: admin\n  user:\n"
                                        : "users:\n- name: admin\n  user: {}\n");
    r = add_file(s->env, "client-certificate-data", s->files.admin_cert, &b, err);
    if (r == 0)
        r = add_file(s->env, "client-key-data", s->files.admin_key, &b, err);
    if (r == 0)
        r = ol_file_write_buf(s->env, path, &b, 0600, OL_WRITE_ATOMIC, err);
    explicit_bzero(b.data, b.len);
    return r;
}
