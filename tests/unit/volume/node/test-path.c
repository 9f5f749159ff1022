/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "volume/node/path.h"

static void paths_are_the_kubelets(void **state)
{
    ol_auto(ol_buf_done) struct ol_buf b = OL_BUF_INIT(4096);

    /* printf h | sha256sum */
    node_path_staging("/k", "d.io", "h", &b);
    assert_string_equal(
        b.data, "/k/plugins/kubernetes.io/csi/d.io/"
                "aaa9402664f1a41f40ebbc52c9993eb66aeb366602958fdfaa283b71e64db123/globalmount");
    ol_buf_clear(&b);
    node_path_csi_target("/k", "u", "pv", &b);
    assert_string_equal(b.data, "/k/pods/u/volumes/kubernetes.io~csi/pv/mount");
    ol_buf_clear(&b);
    node_path_block_publish("/k", "pv", "u", &b);
    assert_string_equal(b.data, "/k/plugins/kubernetes.io/csi/volumeDevices/publish/pv/u");
    ol_buf_clear(&b);
    node_path_block_link("/k", "u", "pv", &b);
    assert_string_equal(b.data, "/k/pods/u/volumeDevices/kubernetes.io~csi/pv");
    ol_buf_clear(&b);
    node_path_subpath("/k", "u", "pv", "c", 2, &b);
    assert_string_equal(b.data, "/k/pods/u/volume-subpaths/pv/c/2");
}

static void an_attachments_name_is_a_hash(void **state)
{
    char out[69];

    /* printf handledrivernode | sha256sum */
    node_attachment_name("handle", "driver", "node", out);
    assert_string_equal(out,
                        "csi-fdef298eb16db6fa42906ef1ff09a93a7f3028f8290cc9d71628ff91c237bfa7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_the_kubelets),
        cmocka_unit_test(an_attachments_name_is_a_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
