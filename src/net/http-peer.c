/* SPDX-License-Identifier: Apache-2.0 */
#include <gnutls/x509.h>

#include "core/alloc.h"
#include "core/cleanup.h"
#include "net/http-server-internal.h"

void http_peer_unref(struct http_peer *p)
{
    if (!p || --p->refs > 0)
        return;
    free(p->cn);
    for (size_t i = 0; i < ol_count(p->organizations); i++)
        free(p->organizations[i]);
    free(p);
}

void http_peer_notify(void *ctx, struct MHD_Connection *mhd, void **state,
                      enum MHD_ConnectionNotificationCode what)
{
    struct http_peer *p = *state;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        *state = NULL;
        http_peer_unref(p);
        return;
    }
    p = ol_xcalloc(1, sizeof(*p));
    p->refs = 1;
    *state = p;
}

static char *name_part(gnutls_x509_crt_t cert, const char *oid, unsigned nth)
{
    char text[256];
    size_t size = sizeof(text);

    if (gnutls_x509_crt_get_dn_by_oid(cert, oid, nth, 0, text, &size) < 0)
        return NULL;
    return ol_xstrdup(text);
}

static void read_names(struct http_peer *p, const gnutls_datum_t *der)
{
    gnutls_x509_crt_t cert;

    if (gnutls_x509_crt_init(&cert) < 0)
        return;
    if (gnutls_x509_crt_import(cert, der, GNUTLS_X509_FMT_DER) == 0) {
        p->cn = name_part(cert, GNUTLS_OID_X520_COMMON_NAME, 0);
        for (unsigned i = 0; i + 1 < ol_count(p->organizations); i++) {
            p->organizations[i] = name_part(cert, GNUTLS_OID_X520_ORGANIZATION_NAME, i);
            if (!p->organizations[i])
                break;
        }
    }
    gnutls_x509_crt_deinit(cert);
}

static void read_certificate(struct http_peer *p, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info ? (gnutls_session_t)info->tls_session : NULL;
    const gnutls_datum_t *chain = NULL;
    unsigned status = 1, n = 0;

    if (session)
        chain = gnutls_certificate_get_peers(session, &n);
    if (chain && n > 0 && gnutls_certificate_verify_peers2(session, &status) == 0 && status == 0)
        read_names(p, &chain[0]);
}

struct http_peer *http_peer_get(const struct ol_http_server *s, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_peer *p = info ? info->socket_context : NULL;

    if (!p)
        return NULL;
    if (!p->is_read && s->options.client_ca_file)
        read_certificate(p, mhd);
    p->is_read = true;
    p->refs++;
    return p;
}
