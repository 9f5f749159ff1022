/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/main.h"

int main(int argc, char **argv)
{
    return compute_main(argc, argv);
}
