/* SPDX-License-Identifier: Apache-2.0 */
#include "net/job.h"
#include "volume/driver/cli.h"
#include "volume/driver/job.h"

static const struct ol_job_function jobs[] = {{DRIVER_JOB, driver_job}, {NULL, NULL}};

int main(int argc, char **argv)
{
    ol_job_main(jobs, argc, argv);
    return driver_main(argc, argv);
}
