/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/service/log-format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/num.h"
#include "core/str.h"

/* What "%(name)" is replaced from; 'text' NULL = not known here. */
struct value {
    const char *text;
    long number;
    bool is_number;
};

typedef struct value (*value_fn)(const void *ctx, const char *name);

/* Python's "%(name)-10s": the flags and width between ")" and the letter are given to printf when
 * they are nothing but flags and a width. */
static void put_value(struct value v, const char *spec, size_t len, struct ol_buf *to)
{
    char fmt[24];

    if (len > 8 || strspn(spec, "0123456789-.") < len)
        len = 0;
    snprintf(fmt, sizeof(fmt), "%%%.*s%s", (int)len, spec, v.is_number ? "ld" : "s");
    if (v.is_number)
        ol_buf_printf(to, fmt, v.number);
    else
        ol_buf_printf(to, fmt, v.text ? v.text : "-");
}

static void expand(const char *format, value_fn value, const void *ctx, struct ol_buf *to)
{
    while (*format) {
        const char *close = format[0] == '%' && format[1] == '(' ? strchr(format, ')') : NULL;
        size_t spec = close ? strspn(close + 1, "0123456789-.+ #") : 0;
        char name[64];

        if (format[0] == '%' && format[1] == '%')
            format++;
        if (!close || !close[1 + spec] || close - format - 2 >= (long)sizeof(name)) {
            ol_buf_addc(to, *format++);
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)(close - format - 2), format + 2);
        put_value(value(ctx, name), close + 1, spec, to);
        format = close + 2 + spec;
    }
}

static const char *context_text(const struct log_line *l, const char *key)
{
    const struct nova_context *c = l->binding ? l->binding->context : NULL;
    const char *text = c ? ol_val_str(ol_val_get(c->values, key)) : NULL;

    return text && *text ? text : NULL;
}

static struct value identity_value(const void *ctx, const char *name)
{
    static const char *const renamed[][2] = {{"user", "user_id"},
                                             {"project", "project_id"},
                                             {"domain", "domain_id"},
                                             {"user_domain", "user_domain_id"},
                                             {"project_domain", "project_domain_id"}};
    const char *text = context_text(ctx, name);

    for (size_t i = 0; i < ol_count(renamed) && !text; i++)
        if (!strcmp(renamed[i][0], name))
            text = context_text(ctx, renamed[i][1]);
    return (struct value){.text = text};
}

static struct value instance_value(const void *ctx, const char *name)
{
    const struct log_line *l = ctx;

    return (struct value){.text = strcmp(name, "uuid") ? NULL : l->binding->instance};
}

struct expansion {
    const struct log_line *line;
    struct ol_buf date, identity, instance;
};

static struct value line_value(const void *ctx, const char *name)
{
    static const char *const empty[] = {"color", "reset_color", "resource", "error_summary", NULL};
    const struct expansion *e = ctx;
    const struct log_line *l = e->line;
    const char *text;

    if (!strcmp(name, "message"))
        return (struct value){.text = l->msg};
    if (!strcmp(name, "asctime"))
        return (struct value){.text = e->date.data};
    if (!strcmp(name, "msecs"))
        return (struct value){.number = l->wall % OL_SECOND / OL_MS, .is_number = true};
    if (!strcmp(name, "process"))
        return (struct value){.number = l->pid, .is_number = true};
    if (!strcmp(name, "levelname"))
        return (struct value){.text = ol_log_level_name(l->level)};
    if (!strcmp(name, "name"))
        return (struct value){.text = l->name};
    if (!strcmp(name, "instance"))
        return (struct value){.text = e->instance.data};
    if (!strcmp(name, "user_identity"))
        return (struct value){.text = e->identity.data};
    if (ol_str_in(name, empty))
        return (struct value){.text = ""};
    text = context_text(l, name);
    /* A value that the context has as null is printed as Python prints it. */
    return (struct value){.text = text ? text : "None"};
}

void log_format(const struct log_formats *f, const struct log_line *line, struct ol_buf *to)
{
    struct expansion e = {.line = line,
                          .date = OL_BUF_INIT(256),
                          .identity = OL_BUF_INIT(4096),
                          .instance = OL_BUF_INIT(256)};
    time_t seconds = (time_t)(line->wall / OL_SECOND);
    char date[128];
    struct tm tm;

    localtime_r(&seconds, &tm);
    if (strftime(date, sizeof(date), f->date, &tm))
        ol_buf_adds(&e.date, date);
    if (line->binding && line->binding->instance)
        expand(f->instance, instance_value, line, &e.instance);
    if (context_text(line, "request_id")) {
        expand(f->user_identity, identity_value, line, &e.identity);
        expand(f->context, line_value, &e, to);
    } else {
        expand(f->plain, line_value, &e, to);
    }
    ol_buf_done(&e.date);
    ol_buf_done(&e.identity);
    ol_buf_done(&e.instance);
}

struct name_row {
    const char *file; /* as far as "*" when it ends with one */
    const char *name;
};

/* The first that fits. */
static const struct name_row names[] = {
    {"report-state.c", "nova.servicegroup.drivers.db"},
    {"wait-conductor.c", "nova.conductor.api"},
    {"config.c", "oslo_config.cfg"},
    {"sources.c", "oslo_config.cfg"},
    {"args.c", "oslo_config.cfg"},
    {"signals.c", "oslo_service.service"},
    {"daemon.c", "oslo_service.service"},
    {"stop.c", "oslo_service.service"},
    {"periodic.c", "oslo_service.periodic_task"},
    {"periodic-run.c", "oslo_service.periodic_task"},
    {"start.c", "nova.service"},
    {"service.c", "nova.service"},
    {"notify.c", "oslo_service.systemd"},
    {"rabbit*", "oslo.messaging._drivers.impl_rabbit"},
    {"bus*", "oslo_messaging._drivers.bus"},
    {"reply.c", "oslo_messaging._drivers.amqpdriver"},
    {"client.c", "oslo_messaging.rpc.client"},
    {"dispatch.c", "oslo_messaging.rpc.server"},
    {"server.c", "oslo_messaging.rpc.server"},
    {"rpc.c", "oslo_messaging.rpc.server"},
    {"conductor.c", "nova.conductor.rpcapi"},
    {"remote.c", "nova.conductor.rpcapi"},
    {"resources.c", "nova.compute.resource_tracker"},
    {"tracker*", "nova.compute.resource_tracker"},
    {"claim*", "nova.compute.claims"},
    {"placement*", "nova.scheduler.client.report"},
    {"keystone.c", "keystoneauth.identity"},
    {"fetch.c", "keystoneauth.session"},
    {"session.c", "keystoneauth.session"},
    {"glance*", "nova.image.glance"},
    {"image-cache*", "nova.virt.libvirt.imagecache"},
    {"neutron*", "nova.network.neutron"},
    {"network*", "nova.network.neutron"},
    {"cinder*", "nova.volume.cinder"},
    {"qemu*", "nova.virt.libvirt.driver"},
    {"qmp*", "nova.virt.libvirt.guest"},
    {"libvirt*", "nova.virt.libvirt.driver"},
    {"fake.c", "nova.virt.fake"},
    {"privileged*", "oslo.privsep.daemon"},
    {"manager.c", "nova.compute.manager"},
    {"build*", "nova.compute.manager"},
    {"methods.c", "nova.compute.manager"},
    {"power*", "nova.compute.manager"},
    {"recover*", "nova.compute.manager"},
    {"terminate.c", "nova.compute.manager"},
    {"instance.c", "nova.compute.manager"},
    {"volume*", "nova.compute.manager"},
};

const char *log_name(const char *file, char buf[64])
{
    size_t stem = strcspn(file, ".");

    for (size_t i = 0; i < ol_count(names); i++) {
        size_t n = strcspn(names[i].file, "*");

        if (!strncmp(file, names[i].file, n) && (names[i].file[n] || !file[n]))
            return names[i].name;
    }
    snprintf(buf, 64, "nova.compute.%.*s", (int)stem, file);
    return ol_str_tr(buf, '-', '_');
}

static int level_number(const char *text, enum ol_log_level *ret)
{
    static const struct {
        const char *name;
        enum ol_log_level level;
    } levels[] = {
        {"DEBUG", OL_LOG_DEBUG},     {"INFO", OL_LOG_INFO},   {"WARN", OL_LOG_WARNING},
        {"WARNING", OL_LOG_WARNING}, {"ERROR", OL_LOG_ERROR}, {"CRITICAL", OL_LOG_CRITICAL},
        {"FATAL", OL_LOG_CRITICAL},
    };
    int number;

    for (size_t i = 0; i < ol_count(levels); i++) {
        if (strcmp(levels[i].name, text))
            continue;
        *ret = levels[i].level;
        return 0;
    }
    if (ol_parse_int(text, 10, 0, 100, &number) < 0)
        return -1;
    *ret = (enum ol_log_level)number;
    return 0;
}

enum ol_log_level log_level_of(const struct ol_strv *levels, const char *name,
                               enum ol_log_level root)
{
    enum ol_log_level found = root;
    size_t best = 0;

    ol_strv_each (pair, levels) {
        const char *equal = strchr(pair, '=');
        size_t n = equal ? (size_t)(equal - pair) : 0;

        /* A logger has the level of the nearest one above it. */
        if (n < best || !n || strncmp(pair, name, n) || (name[n] && name[n] != '.'))
            continue;
        if (level_number(equal + 1, &found) >= 0)
            best = n;
    }
    return found;
}
