/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "compute/cloud/address.h"
#include "compute/cloud/answer.h"
#include "compute/cloud/config-drive.h"
#include "compute/cloud/image-check.h"
#include "compute/cloud/keystone.h"
#include "compute/cloud/network-info.h"
#include "compute/cloud/placement.h"
#include "core/cleanup.h"
#include "core/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says what the rest is: 'i' the beginning of an image, 'h' an answer's headers, 'a'
 * an address, anything else the JSON that a service answered. */

static void image(const uint8_t *data, size_t size)
{
    const struct image_bytes b = {
        .head = data,
        .head_size = size,
        .tail = size > IMAGE_TAIL ? data + size - IMAGE_TAIL : data,
        .tail_size = size > IMAGE_TAIL ? IMAGE_TAIL : 0,
    };
    const char *name = NULL;
    enum image_format format = image_detect(&b, &name);
    int64_t virtual_size = -1;

    if (!name)
        abort();
    (void)!image_check_claim(format, name, "qcow2", NULL);
    if (format == IMAGE_QCOW2 && image_check_qcow2(&b, &virtual_size, NULL) == 0
        && virtual_size < 0)
        abort();
}

static void headers(const uint8_t *data, size_t size)
{
    ol_auto(ol_buf_done) struct ol_buf head = OL_BUF_INIT(1 << 20);
    const char *value;
    size_t len = 0;

    ol_buf_add(&head, data, size);
    value = ol_http_head_get(&head, "X-Subject-Token", &len);
    if (value && (value < head.data || value + len > head.data + head.len))
        abort();
}

static void address(const uint8_t *data, size_t size)
{
    ol_autofree char *text = strndup((const char *)data, size);
    char mask[ADDRESS_TEXT], network[ADDRESS_TEXT];

    if (address_netmask(text, mask) != address_network(text, network))
        abort();
    (void)address_is_in(network, text);
}

static void answer(const struct ol_val *v, struct ol_arena *a)
{
    const struct catalog_query q = {.type = "volumev3", .region = "One"};
    const struct network_facts facts = {
        .ports = v, .networks = v, .subnets = v, .dhcp_ports = v, .floating = v};
    const struct ol_strv none = OL_STRV_INIT;
    const struct placement_provider p = {.uuid = "u", .name = "n", .traits = &none};
    ol_auto(ol_strv_done) struct ol_strv traits = OL_STRV_INIT;

    (void)catalog_find(v, &q);
    if (keystone_lifetime(v) < 0)
        abort();
    (void)cloud_message(v);
    (void)placement_conflict(v);
    (void)!image_check_info(v, "qcow2", NULL);
    placement_traits(&p, v, &traits);
    (void)placement_same_inventories(placement_inventories(a, &p, v), v);
    /* What network_data.json is made of, both as it is here and as neutron's answers make it. */
    config_drive_network_data(a, v);
    config_drive_network_data(a, network_info_make(a, &facts));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ol_auto(ol_arena_done) struct ol_arena a = OL_ARENA_INIT(16 << 20);
    struct ol_val *v = NULL;

    if (!size || size > 4096)
        return 0;
    if (*data == 'i')
        image(data + 1, size - 1);
    else if (*data == 'h')
        headers(data + 1, size - 1);
    else if (*data == 'a')
        address(data + 1, size - 1);
    else if (ol_json_load((const char *)data, size, &a, &v, NULL) == 0)
        answer(v, &a);
    return 0;
}
