/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/stage/report.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "core/alloc.h"
#include "core/cleanup.h"
#include "core/file.h"

#define PORT_NAME "org.orlop.status"

/* The file name that upstream's log handler shows; 'analyze' and people look for it. */
#define EVENT_FILE "handlers.py"

struct report report_start(struct ol_env *env, const char *name, const char *desc)
{
    ol_log_at(env->log, OL_LOG_DEBUG, EVENT_FILE, "start: %s: %s", name, desc);
    return (struct report){.name = name, .desc = desc, .started = ol_now_boot(env)};
}

void report_finish(struct ol_env *env, const struct report *r, const char *result,
                   const char *message)
{
    double seconds = (double)(ol_now_boot(env) - r->started) / (double)OL_SECOND;

    ol_log_at(env->log, OL_LOG_DEBUG, EVENT_FILE, "finish: %s: %s: %s (duration: %.3fs)", r->name,
              result, message ? message : r->desc, seconds);
}

/* udev's link, else the device whose sysfs name says so; heap, NULL = no such port. */
static char *port_path(struct ol_env *env)
{
    ol_auto(ol_strv_done) struct ol_strv ports = OL_STRV_INIT;

    if (ol_exists(env, "/dev/virtio-ports/" PORT_NAME))
        return ol_xstrdup("/dev/virtio-ports/" PORT_NAME);
    if (!ol_is_dir(env, "/sys/class/virtio-ports")
        || ol_list_dir(env, "/sys/class/virtio-ports", &ports, NULL) < 0)
        return NULL;
    ol_strv_each (port, &ports) {
        ol_autofree char *file = ol_xasprintf("/sys/class/virtio-ports/%s/name", port);
        ol_autofree char *name = ol_file_read_line(env, file);

        if (name && !strcmp(name, PORT_NAME))
            return ol_xasprintf("/dev/%s", port);
    }
    return NULL;
}

void report_to_host(struct ol_env *env, const struct ol_val *line)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(64 << 10);
    ol_autofree char *path = port_path(env);
    ol_autoclose int fd = -1;

    if (!path)
        return;
    fd = ol_open(env, path, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        ol_debug(env, "Host port %s: %s", path, strerror(-fd));
        return;
    }
    if (ol_json_dump(line, &ol_json_compact, &text) < 0)
        return;
    ol_buf_addc(&text, '\n');
    if (write(fd, text.data, text.len) != (ssize_t)text.len)
        ol_debug(env, "Host port %s did not take the whole line", path);
}
