/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/controller.h"

int main(int argc, char **argv)
{
    return controller_main(argc, argv);
}
