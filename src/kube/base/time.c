/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/base/time.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

enum {
    SECONDS_A_DAY = 86400,
    YEAR_MIN = 1678, /* what nanoseconds in 64 bits can hold */
    YEAR_MAX = 2261,
};

struct cursor {
    const char *p, *end;
};

/* A number of exactly n digits; -1 when it isn't one. */
static int read_digits(struct cursor *c, int n)
{
    int v = 0;

    if (c->end - c->p < n)
        return -1;
    for (; n > 0; n--, c->p++) {
        if (*c->p < '0' || *c->p > '9')
            return -1;
        v = v * 10 + (*c->p - '0');
    }
    return v;
}

static bool read_char(struct cursor *c, char what)
{
    if (c->p >= c->end || *c->p != what)
        return false;
    c->p++;
    return true;
}

/* Days since 1970-01-01 of a day of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

struct date {
    int year, month, day;
};

static bool read_date(struct cursor *c, struct date *ret)
{
    struct date d;

    d.year = read_digits(c, 4);
    if (d.year < 0 || !read_char(c, '-'))
        return false;
    d.month = read_digits(c, 2);
    if (d.month < 1 || d.month > 12 || !read_char(c, '-'))
        return false;
    d.day = read_digits(c, 2);
    if (d.day < 1 || d.day > days_in(d.year, d.month))
        return false;
    *ret = d;
    return true;
}

static bool is_digit(const struct cursor *c)
{
    return c->p < c->end && *c->p >= '0' && *c->p <= '9';
}

/* Nanoseconds; 0 when there is no fraction. */
static bool read_fraction(struct cursor *c, ol_time *ret)
{
    ol_time unit = OL_SECOND / 10, t = 0;

    if (read_char(c, '.') || read_char(c, ',')) {
        if (!is_digit(c))
            return false;
        for (; is_digit(c); c->p++, unit /= 10)
            t += (*c->p - '0') * unit;
    }
    *ret = t;
    return true;
}

/* Nanoseconds of the day. */
static bool read_clock(struct cursor *c, ol_time *ret)
{
    int h = read_digits(c, 2), m, s;
    ol_time t;

    if (h < 0 || h > 23 || !read_char(c, ':'))
        return false;
    m = read_digits(c, 2);
    if (m < 0 || m > 59 || !read_char(c, ':'))
        return false;
    s = read_digits(c, 2);
    if (s < 0 || s > 59 || !read_fraction(c, &t))
        return false;
    *ret = t + (h * 3600 + m * 60 + s) * OL_SECOND;
    return true;
}

/* Seconds that the clock is ahead of UTC. */
static bool read_offset(struct cursor *c, int *ret)
{
    int sign, h, m;

    if (read_char(c, 'Z')) {
        *ret = 0;
        return true;
    }
    sign = read_char(c, '-') ? -1 : 1;
    if (sign > 0 && !read_char(c, '+'))
        return false;
    h = read_digits(c, 2);
    if (h < 0 || h > 23 || !read_char(c, ':'))
        return false;
    m = read_digits(c, 2);
    if (m < 0 || m > 59)
        return false;
    *ret = sign * (h * 3600 + m * 60);
    return true;
}

/* Go's time.Time{}. */
static bool is_zero(const struct date *d, ol_time of_day)
{
    return d->year == 1 && d->month == 1 && d->day == 1 && of_day == 0;
}

int kube_time_parse(const char *text, size_t len, ol_time *ret)
{
    struct cursor c = {text, text + len};
    struct date d;
    ol_time t;
    int offset;

    if (!read_date(&c, &d) || !read_char(&c, 'T') || !read_clock(&c, &t)
        || !read_offset(&c, &offset) || c.p != c.end)
        return -EINVAL;
    if (is_zero(&d, t))
        *ret = 0;
    else if (d.year < YEAR_MIN || d.year > YEAR_MAX)
        *ret = d.year < YEAR_MIN ? INT64_MIN : INT64_MAX;
    else
        *ret = (days_of(d.year, d.month, d.day) * SECONDS_A_DAY - offset) * OL_SECOND + t;
    return 0;
}

static ol_time floor_div(ol_time a, ol_time b)
{
    return a / b - (a % b < 0);
}

static struct date date_of(int64_t days)
{
    int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), m = (5 * of_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9);

    return (struct date){.year = (int)(year + era * 400) + (month <= 2),
                         .month = month,
                         .day = (int)(of_year - (153 * m + 2) / 5 + 1)};
}

static void format(ol_time t, const char *fraction, char out[KUBE_TIME_SIZE])
{
    int64_t seconds = floor_div(t, OL_SECOND), days = floor_div(seconds, SECONDS_A_DAY);
    struct date d = date_of(days);
    unsigned of_day = (unsigned)(seconds - days * SECONDS_A_DAY);

    snprintf(out, KUBE_TIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%sZ", (unsigned)d.year % 10000,
             (unsigned)d.month % 100, (unsigned)d.day % 100, of_day / 3600 % 24, of_day / 60 % 60,
             of_day % 60, fraction);
}

void kube_time_format(ol_time t, char out[KUBE_TIME_SIZE])
{
    format(t, "", out);
}

void kube_time_format_micro(ol_time t, char out[KUBE_TIME_SIZE])
{
    char fraction[16];

    snprintf(fraction, sizeof(fraction), ".%06d",
             (int)((t - floor_div(t, OL_SECOND) * OL_SECOND) / 1000));
    format(t, fraction, out);
}

/* "3m20s", or "3m" when there is no rest. */
static void two_units(int64_t a, char unit, int64_t b, char rest, char out[KUBE_TIME_SIZE])
{
    if (b == 0)
        snprintf(out, KUBE_TIME_SIZE, "%lld%c", (long long)a, unit);
    else
        snprintf(out, KUBE_TIME_SIZE, "%lld%c%lld%c", (long long)a, unit, (long long)b, rest);
}

/* apimachinery pkg/util/duration, HumanDuration(): two digits of precision or a bit more. */
void kube_time_human(ol_time span, char out[KUBE_TIME_SIZE])
{
    int64_t s = span / OL_SECOND, m = s / 60, h = m / 60, d = h / 24, y = d / 365;

    if (s < -1)
        snprintf(out, KUBE_TIME_SIZE, "<invalid>");
    else if (s < 0)
        snprintf(out, KUBE_TIME_SIZE, "0s");
    else if (s < 60 * 2)
        two_units(s, 's', 0, 's', out);
    else if (m < 10)
        two_units(m, 'm', s % 60, 's', out);
    else if (m < 60 * 3)
        two_units(m, 'm', 0, 's', out);
    else if (h < 8)
        two_units(h, 'h', m % 60, 'm', out);
    else if (h < 48)
        two_units(h, 'h', 0, 'm', out);
    else if (h < 24 * 8)
        two_units(d, 'd', h % 24, 'h', out);
    else if (h < 24 * 365 * 2)
        two_units(d, 'd', 0, 'h', out);
    else if (h < 24 * 365 * 8)
        two_units(y, 'y', d % 365, 'd', out);
    else
        two_units(y, 'y', 0, 'd', out);
}
