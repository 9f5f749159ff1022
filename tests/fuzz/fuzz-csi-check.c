/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "volume/driver/check.h"
#include "volume/driver/record.h"
#include "volume/proto/csi-call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a CreateVolume asks for becomes a record that can be read again, or is refused with a
 * code. */
static void create(const uint8_t *data, size_t size)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(16 << 10);
    ProtobufCMessage *m = csi_unpack(csi_create_volume.request, data, size);
    struct driver_record record, again;
    struct ol_err err = OL_ERR_INIT;

    if (m && driver_check_create((const void *)m, &record, &err) == 0) {
        driver_record_write(&record, &text);
        if (!driver_id_is_valid(record.id) || record.size < 0
            || driver_record_read(text.data, text.len, &again, NULL) < 0
            || again.size != record.size)
            abort();
    } else if (m && (driver_code(&err) <= OL_GRPC_OK || driver_code(&err) >= OL_GRPC_N_CODES)) {
        abort();
    }
    csi_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct driver_record record;

    create(data, size);
    (void)!driver_record_read((const char *)data, size, &record, NULL);
    return 0;
}
