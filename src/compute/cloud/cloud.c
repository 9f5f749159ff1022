/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cloud/cloud.h"

#include <stdlib.h>

#include "compute/cloud/cloud-internal.h"
#include "core/alloc.h"

/* Names of types: service-types-authority. nova asks neutron with its own credentials always
 * (nova 26 network/neutron.py, admin=True), since users don't see bindings. */
const struct cloud_service_row cloud_services[CLOUD_N_SERVICES] = {
    [CLOUD_PLACEMENT] = {"placement", "placement", "placement", NULL, true},
    [CLOUD_GLANCE] = {"glance", "image", NULL, "/v2", false},
    [CLOUD_NEUTRON] = {"neutron", "network", NULL, "/v2.0", true},
    [CLOUD_CINDER] = {"cinder", "block-storage", "volume", NULL, false},
};

const struct compute_auth *cloud_auth(const struct cloud *c, enum cloud_service s)
{
    return c->sessions[s].auth;
}

struct cloud *cloud_new(struct ol_env *env, const struct compute_config *config)
{
    struct cloud *c = ol_xcalloc(1, sizeof(*c));
    const struct compute_auth *const auths[N_SECTIONS] = {
        [SECTION_PLACEMENT] = &config->placement,       [SECTION_GLANCE] = &config->glance,
        [SECTION_NEUTRON] = &config->neutron,           [SECTION_CINDER] = &config->cinder,
        [SECTION_SERVICE_USER] = &config->service_user, [SECTION_KEYSTONE] = &config->keystone,
    };

    c->env = env;
    c->config = config;
    for (int i = 0; i < N_SECTIONS; i++)
        cloud_session_init(&c->sessions[i], auths[i]);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->placement_lock, NULL);
    return c;
}

void cloud_free(struct cloud *c)
{
    if (!c)
        return;
    placement_forget(c);
    cloud_connections_free(c);
    for (int i = 0; i < N_SECTIONS; i++)
        cloud_session_done(&c->sessions[i]);
    pthread_mutex_destroy(&c->placement_lock);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static bool can_sign_in(const struct compute_auth *auth)
{
    return auth->auth_url && (auth->username || auth->user_id || auth->application_credential_id);
}

int cloud_section_of(const struct cloud *c, enum cloud_service s)
{
    const enum cloud_section order[] = {(enum cloud_section)s, SECTION_SERVICE_USER,
                                        SECTION_PLACEMENT, SECTION_NEUTRON, SECTION_KEYSTONE};

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        if (can_sign_in(c->sessions[order[i]].auth))
            return (int)order[i];
    return -1;
}

bool cloud_has(const struct cloud *c, enum cloud_service s)
{
    const struct compute_auth *auth = cloud_auth(c, s);

    /* glance has no credentials of its own in nova: the user's token is used. */
    if (s == CLOUD_GLANCE)
        return c->config->glance_api_servers.n || auth->endpoint_override
               || cloud_section_of(c, s) >= 0;
    if (s == CLOUD_CINDER)
        return cloud_section_of(c, s) >= 0;
    return can_sign_in(auth);
}
