/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/cli/cli.h"

int main(int argc, char **argv)
{
    return cloud_init_main(argc, argv);
}
