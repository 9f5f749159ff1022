/* SPDX-License-Identifier: Apache-2.0 */
#include "orlop/programs.h"

int main(int argc, char **argv)
{
    return controller_main(argc, argv);
}
