/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"
#include "core/path.h"
#include "core/str.h"
#include "kube/apiserver/api-internal.h"

/*
 * A certificate authority of our own, a certificate of the server and one of the administrator.
 * ECDSA P-256: made in a millisecond. What is there and valid for another month stays.
 */
enum { YEARS_CA = 10, DAYS_LEAF = 365, DAYS_LEFT = 30, MAX_PEM = 65536 };
#define DAY ((time_t)86400)

struct pair {
    gnutls_x509_crt_t cert;
    gnutls_x509_privkey_t key;
};

static void pair_done(struct pair *p)
{
    if (p->cert)
        gnutls_x509_crt_deinit(p->cert);
    if (p->key)
        gnutls_x509_privkey_deinit(p->key);
}

void api_files_done(struct api_files *f)
{
    free(f->ca);
    free(f->cert);
    free(f->key);
    free(f->admin_cert);
    free(f->admin_key);
}

static int fail(struct ol_err *err, const char *what, int code)
{
    return ol_err_set_domain(err, EIO, "GnuTLS", code, "%s: %s", what, gnutls_strerror(code));
}

static int load_pem(struct ol_env *env, const char *path, gnutls_datum_t *ret, struct ol_buf *b)
{
    if (ol_file_read(env, path, b, NULL) < 0)
        return -ENOENT;
    *ret = (gnutls_datum_t){(unsigned char *)b->data, (unsigned)b->len};
    return 0;
}

/* -ENOENT: there is none that is of use. */
static int load(struct ol_env *env, const char *cert_path, const char *key_path, struct pair *ret)
{
    ol_auto(ol_buf_done) struct ol_buf cert = OL_BUF_INIT(MAX_PEM), key = OL_BUF_INIT(MAX_PEM);
    ol_auto(pair_done) struct pair p = {0};
    gnutls_datum_t cert_pem, key_pem;

    if (load_pem(env, cert_path, &cert_pem, &cert) < 0
        || load_pem(env, key_path, &key_pem, &key) < 0)
        return -ENOENT;
    if (gnutls_x509_crt_init(&p.cert) < 0 || gnutls_x509_privkey_init(&p.key) < 0
        || gnutls_x509_crt_import(p.cert, &cert_pem, GNUTLS_X509_FMT_PEM) < 0
        || gnutls_x509_privkey_import(p.key, &key_pem, GNUTLS_X509_FMT_PEM) < 0)
        return -ENOENT;
    if (gnutls_x509_crt_get_expiration_time(p.cert)
        < ol_now_wall(env) / OL_SECOND + DAYS_LEFT * DAY)
        return -ENOENT;
    *ret = p;
    p = (struct pair){0};
    return 0;
}

static int save(struct ol_env *env, const struct pair *p, const char *cert_path,
                const char *key_path, struct ol_err *err)
{
    gnutls_datum_t pem = {0};
    int r = gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem);

    if (r < 0)
        return fail(err, key_path, r);
    r = ol_file_write(env, key_path, pem.data, pem.size, 0600, OL_WRITE_ATOMIC, err);
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    if (r < 0)
        return r;
    r = gnutls_x509_crt_export2(p->cert, GNUTLS_X509_FMT_PEM, &pem);
    if (r < 0)
        return fail(err, cert_path, r);
    r = ol_file_write(env, cert_path, pem.data, pem.size, 0600, OL_WRITE_ATOMIC, err);
    gnutls_free(pem.data);
    return r;
}

/* Key, serial, times; then the caller says what it is for. */
static int begin(struct ol_env *env, struct pair *p, const char *cn, time_t days)
{
    time_t now = (time_t)(ol_now_wall(env) / OL_SECOND);
    uint8_t serial[16];

    api_random(serial, sizeof(serial));
    serial[0] &= 0x7f;
    if (gnutls_x509_privkey_init(&p->key) < 0 || gnutls_x509_crt_init(&p->cert) < 0)
        return GNUTLS_E_MEMORY_ERROR;
    if (gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
                                     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0)
        < 0)
        return GNUTLS_E_PK_GENERATION_ERROR;
    gnutls_x509_crt_set_version(p->cert, 3);
    gnutls_x509_crt_set_serial(p->cert, serial, sizeof(serial));
    /* Clocks of one machine's parts may differ a little. */
    gnutls_x509_crt_set_activation_time(p->cert, now - 300);
    gnutls_x509_crt_set_expiration_time(p->cert, now + days * DAY);
    gnutls_x509_crt_set_dn_by_oid(p->cert, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                  (unsigned)strlen(cn));
    return gnutls_x509_crt_set_key(p->cert, p->key);
}

static int sign(struct pair *p, const struct pair *ca)
{
    uint8_t id[64];
    size_t size = sizeof(id);
    int r = gnutls_x509_crt_get_key_id(p->cert, 0, id, &size);

    if (r == 0)
        r = gnutls_x509_crt_set_subject_key_id(p->cert, id, size);
    return r < 0 ? r : gnutls_x509_crt_sign2(p->cert, ca->cert, ca->key, GNUTLS_DIG_SHA256, 0);
}

static int make_ca(struct ol_env *env, struct pair *p)
{
    int r = begin(env, p, "orlop-ca", (time_t)YEARS_CA * 365);

    if (r < 0)
        return r;
    gnutls_x509_crt_set_basic_constraints(p->cert, 1, -1);
    gnutls_x509_crt_set_key_usage(p->cert, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                               | GNUTLS_KEY_DIGITAL_SIGNATURE);
    return sign(p, p);
}

static void add_address(struct pair *p, const char *text)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (uv_ip4_addr(text, 0, &in) == 0)
        gnutls_x509_crt_set_subject_alt_name(p->cert, GNUTLS_SAN_IPADDRESS, &in.sin_addr, 4,
                                             GNUTLS_FSAN_APPEND);
    else if (uv_ip6_addr(text, 0, &in6) == 0)
        gnutls_x509_crt_set_subject_alt_name(p->cert, GNUTLS_SAN_IPADDRESS, &in6.sin6_addr, 16,
                                             GNUTLS_FSAN_APPEND);
    else
        gnutls_x509_crt_set_subject_alt_name(p->cert, GNUTLS_SAN_DNSNAME, text,
                                             (unsigned)strlen(text), GNUTLS_FSAN_APPEND);
}

static int make_server(struct ol_env *env, const struct pair *ca, const char *host, struct pair *p)
{
    static const char *const names[] = {"localhost",
                                        "kubernetes",
                                        "kubernetes.default",
                                        "kubernetes.default.svc",
                                        "kubernetes.default.svc.cluster.local",
                                        "127.0.0.1",
                                        "::1"};
    char own[256] = "";
    size_t size = sizeof(own);
    int r = begin(env, p, "orlop-apiserver", DAYS_LEAF);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ol_count(names); i++)
        add_address(p, names[i]);
    if (uv_os_gethostname(own, &size) == 0 && *own)
        add_address(p, own);
    if (*host)
        add_address(p, host);
    gnutls_x509_crt_set_key_usage(p->cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
    gnutls_x509_crt_set_key_purpose_oid(p->cert, GNUTLS_KP_TLS_WWW_SERVER, 0);
    return sign(p, ca);
}

static int make_admin(struct ol_env *env, const struct pair *ca, const char *host, struct pair *p)
{
    static const char group[] = "system:masters";
    int r = begin(env, p, api_admin.name, DAYS_LEAF);

    if (r < 0)
        return r;
    gnutls_x509_crt_set_dn_by_oid(p->cert, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, group,
                                  sizeof(group) - 1);
    gnutls_x509_crt_set_key_usage(p->cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
    gnutls_x509_crt_set_key_purpose_oid(p->cert, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return sign(p, ca);
}

/* Signed by this authority, and for this host? */
static bool is_good(const struct pair *p, const struct pair *ca, const char *host)
{
    return gnutls_x509_crt_check_issuer(p->cert, ca->cert)
           && (!*host || gnutls_x509_crt_check_hostname(p->cert, host));
}

static int leaf(struct ol_env *env, const struct pair *ca, const char *host,
                int (*make)(struct ol_env *env, const struct pair *ca, const char *host,
                            struct pair *p),
                const char *const paths[2], struct ol_err *err)
{
    ol_auto(pair_done) struct pair p = {0};
    int r;

    if (load(env, paths[0], paths[1], &p) == 0 && is_good(&p, ca, host))
        return 0;
    pair_done(&p);
    p = (struct pair){0};
    r = make(env, ca, host, &p);
    if (r < 0)
        return fail(err, paths[0], r);
    return save(env, &p, paths[0], paths[1], err);
}

static char *host_of(const char *listen)
{
    const char *colon = listen ? strrchr(listen, ':') : NULL;
    char *host;

    if (!colon || ol_str_starts(listen, "unix:"))
        return ol_xstrdup("");
    if (listen[0] == '[' && colon - listen > 2)
        host = ol_xstrndup(listen + 1, (size_t)(colon - listen) - 2);
    else
        host = ol_xstrndup(listen, (size_t)(colon - listen));
    /* "Any address" is no name that a client would use. */
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0)
        host[0] = '\0';
    return host;
}

int api_pki_make(struct ol_env *env, const char *dir, const char *listen, struct api_files *ret,
                 struct ol_err *err)
{
    ol_autofree char *host = host_of(listen), *ca_key = ol_path_join(dir, "ca.key");
    ol_auto(api_files_done) struct api_files f = {
        .ca = ol_path_join(dir, "ca.crt"),
        .cert = ol_path_join(dir, "apiserver.crt"),
        .key = ol_path_join(dir, "apiserver.key"),
        .admin_cert = ol_path_join(dir, "admin.crt"),
        .admin_key = ol_path_join(dir, "admin.key"),
    };
    const char *const server[] = {f.cert, f.key}, *const admin[] = {f.admin_cert, f.admin_key};
    ol_auto(pair_done) struct pair ca = {0};
    int r = 0;

    if (load(env, f.ca, ca_key, &ca) < 0) {
        r = make_ca(env, &ca);
        r = r < 0 ? fail(err, f.ca, r) : save(env, &ca, f.ca, ca_key, err);
    }
    if (r == 0)
        r = leaf(env, &ca, host, make_server, server, err);
    if (r == 0)
        r = leaf(env, &ca, "", make_admin, admin, err);
    if (r < 0)
        return r;
    *ret = f;
    f = (struct api_files){0};
    return 0;
}
