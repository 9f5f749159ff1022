/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/base/notice.h"

#include <time.h>

#include "guest/base/version.h"

enum { YEARS_KEPT = 5 };

void guest_deprecated(const struct guest *g, const char *what, int major, int minor,
                      const char *instead)
{
    ol_deprecated(g->env, "%s is deprecated in %d.%d and scheduled to be removed in %d.%d. %s",
                  what, major, minor, major + YEARS_KEPT, minor, instead);
}

const char *guest_timestamp(const struct guest *g)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(ol_now_wall(g->env) / OL_SECOND);
    struct tm tm = {0};

    gmtime_r(&now, &tm);
    return ol_arena_printf(g->arena, "%s, %02d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday],
                           tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                           tm.tm_sec);
}

const char *guest_header(const struct guest *g, const char *verb)
{
    return ol_arena_printf(g->arena, "# %s by cloud-init v. %s on %s", verb, GUEST_VERSION,
                           guest_timestamp(g));
}
