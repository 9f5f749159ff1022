/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/cli.h"

int main(int argc, char **argv)
{
    return orlop_main(argc, argv);
}
