/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-time.h"

#include <stdio.h>
#include <string.h>

struct stamp {
    int year, month, day;
    bool has_time, has_zone;
    int hour, minute, second, micro;
    int zone_minutes;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads min..max digits. */
static bool number(const char **p, int min, int max, int *ret)
{
    int n = 0, v = 0;

    for (; n < max && is_digit((*p)[n]); n++)
        v = v * 10 + (*p)[n] - '0';
    *p += n;
    *ret = v;
    return n >= min;
}

static bool literal(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static void blanks(const char **p)
{
    *p += strspn(*p, " \t");
}

static bool date(const char **p, struct stamp *t)
{
    return number(p, 4, 4, &t->year) && literal(p, '-') && number(p, 1, 2, &t->month)
           && literal(p, '-') && number(p, 1, 2, &t->day);
}

/* ".1" are 100000 microseconds; what comes after six digits is cut off. */
static void fraction(const char **p, struct stamp *t)
{
    int n = 0;

    for (; is_digit(**p); (*p)++, n++)
        if (n < 6)
            t->micro = t->micro * 10 + **p - '0';
    for (; n < 6; n++)
        t->micro *= 10;
}

static bool zone(const char **p, struct stamp *t)
{
    bool is_west = **p == '-';
    int hours, minutes = 0;

    t->has_zone = true;
    if (literal(p, 'Z'))
        return true;
    if (!literal(p, '-') && !literal(p, '+'))
        return false;
    if (!number(p, 1, 2, &hours) || (literal(p, ':') && !number(p, 2, 2, &minutes)))
        return false;
    t->zone_minutes = (hours * 60 + minutes) * (is_west ? -1 : 1);
    return true;
}

static bool parse(const char *p, struct stamp *t)
{
    if (!date(&p, t))
        return false;
    if (!*p)
        return true;
    t->has_time = true;
    if (*p == 'T' || *p == 't')
        p++;
    else if (*p == ' ' || *p == '\t')
        blanks(&p);
    else
        return false;
    if (!number(&p, 1, 2, &t->hour) || !literal(&p, ':') || !number(&p, 2, 2, &t->minute)
        || !literal(&p, ':') || !number(&p, 2, 2, &t->second))
        return false;
    if (literal(&p, '.'))
        fraction(&p, t);
    if (!*p)
        return true;
    blanks(&p);
    return zone(&p, t) && !*p;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap);
}

/* In the words of Python's datetime. */
static const char *problem_of(const struct stamp *t)
{
    if (t->zone_minutes >= 24 * 60 || t->zone_minutes <= -24 * 60)
        return "offset must be a timedelta strictly between -timedelta(hours=24) and "
               "timedelta(hours=24).";
    if (t->year < 1)
        return "year 0 is out of range";
    if (t->month < 1 || t->month > 12)
        return "month must be in 1..12";
    if (t->day < 1 || t->day > days_in_month(t->year, t->month))
        return "day is out of range for month";
    if (t->hour > 23)
        return "hour must be in 0..23";
    if (t->minute > 59)
        return "minute must be in 0..59";
    return t->second > 59 ? "second must be in 0..59" : NULL;
}

static void show(const struct stamp *t, char *out, size_t size)
{
    int zone = t->zone_minutes < 0 ? -t->zone_minutes : t->zone_minutes;
    int n = snprintf(out, size, "%04d-%02d-%02d", t->year, t->month, t->day);

    if (!t->has_time)
        return;
    n += snprintf(out + n, size - (size_t)n, " %02d:%02d:%02d", t->hour, t->minute, t->second);
    if (t->micro)
        n += snprintf(out + n, size - (size_t)n, ".%06d", t->micro);
    if (t->has_zone)
        snprintf(out + n, size - (size_t)n, "%c%02d:%02d", t->zone_minutes < 0 ? '-' : '+',
                 zone / 60, zone % 60);
}

bool yaml_time_text(const char *s, size_t len, char ret[YAML_TIME_SIZE], const char **ret_problem)
{
    struct stamp t = {0};

    *ret_problem = NULL;
    if (strlen(s) != len || !parse(s, &t))
        return false;
    *ret_problem = problem_of(&t);
    if (*ret_problem)
        return false;
    show(&t, ret, YAML_TIME_SIZE);
    return true;
}
