/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/module/sudoers.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/file.h"
#include "core/str.h"
#include "guest/base/notice.h"

enum { RULES_MAX = 1 << 20 };

static const char sudoers_dir[] = "/etc/sudoers.d";
static const char our_rules[] = "/etc/sudoers.d/90-cloud-init-users";
static const char doas_file[] = "/etc/doas.conf";

/* True when a line of sudoers reads the directory: "#includedir PATH" or "@includedir PATH". */
static bool includes_directory(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n"), path_len;
        const char *line = ol_str_strip(text, len, &path_len);
        const char *path;

        text += len + (text[len] == '\n');
        if (path_len < 12 || !strchr("#@|", line[0]) || strncmp(line + 1, "includedir", 10) != 0
            || !ol_is_space(line[11]))
            continue;
        path = ol_str_strip(line + 12, path_len - 12, &path_len);
        while (path_len > 1 && path[path_len - 1] == '/')
            path_len--;
        if (path_len == strlen(sudoers_dir) && !strncmp(path, sudoers_dir, path_len))
            return true;
    }
    return false;
}

static int add_include(struct guest *g, bool is_there, const char *base, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RULES_MAX);

    if (!is_there)
        ol_buf_printf(
            &text, "%s# See sudoers(5) for more information on \"#include\" directives:\n", base);
    ol_buf_printf(&text, "\n%s\n#includedir %s\n", guest_header(g, "Added"), sudoers_dir);
    ol_debug(g->env, "Added '#includedir %s' to /etc/sudoers", sudoers_dir);
    return ol_file_write_buf(g->env, "/etc/sudoers", &text, 0440,
                             is_there ? OL_WRITE_APPEND | OL_WRITE_KEEP_MODE : OL_WRITE_PARENTS,
                             err);
}

/* The directory with the mode that cloud-init has always given it. */
static int ensure_directory(struct guest *g, struct ol_err *err)
{
    struct stat st;

    if (ol_stat(g->env, sudoers_dir, &st) < 0)
        return ol_mkdir_p(g->env, sudoers_dir, 0750, err);
    if ((st.st_mode & 07777) == 0750)
        return 0;
    return ol_chmod(g->env, sudoers_dir, 0750, err);
}

static int ensure_included(struct guest *g, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RULES_MAX);
    bool is_there = ol_exists(g->env, "/etc/sudoers");
    const char *path = is_there ? "/etc/sudoers" : "/usr/etc/sudoers";
    int r = 0;

    if (ol_exists(g->env, path))
        r = ol_file_read(g->env, path, &text, err);
    if (r >= 0 && !includes_directory(text.data))
        r = add_include(g, is_there, text.data, err);
    return r < 0 ? r : ensure_directory(g, err);
}

/* Appends a block of rules to a file, unless it has the very same; a new file gets a header. */
static int add_block(struct guest *g, const char *path, const struct ol_buf *block,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf text = OL_BUF_INIT(RULES_MAX);
    int r;

    if (!ol_exists(g->env, path)) {
        ol_buf_printf(&text, "%s\n%s", guest_header(g, "Created"), block->data);
        return ol_file_write_buf(g->env, path, &text, 0440, OL_WRITE_PARENTS, err);
    }
    r = ol_file_read(g->env, path, &text, err);
    if (r < 0 || strstr(text.data, block->data))
        return r < 0 ? r : 0;
    return ol_file_write_buf(g->env, path, block, 0440, OL_WRITE_APPEND | OL_WRITE_KEEP_MODE, err);
}

int sudoers_add_user(struct guest *g, const char *user, const struct ol_val *rules,
                     struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf block = OL_BUF_INIT(RULES_MAX);
    int r;

    if (!ol_val_str(rules) && !ol_val_is(rules, OL_VAL_LIST))
        return ol_err_set_domain(err, EINVAL, "TypeError", 0,
                                 "Can not create sudoers rule addition with type '%s'",
                                 ol_val_type_name(rules));
    ol_buf_printf(&block, "\n# User rules for %s\n", user);
    if (ol_val_str(rules))
        ol_buf_printf(&block, "%s %s\n", user, ol_val_str(rules));
    for (size_t i = 0; i < ol_val_count(rules); i++)
        ol_buf_printf(&block, "%s %s\n", user, ol_val_to_text(g->arena, ol_val_item(rules, i)));
    r = ensure_included(g, err);
    return r < 0 ? r : add_block(g, our_rules, &block, err);
}

static void free_regex(regex_t *re)
{
    regfree(re);
}

/* The rule is well-formed and about this user. */
static bool is_doas_rule_of(const char *rule, const char *user)
{
    static const char pattern[] = "^(permit|deny)"
                                  "([ \t]+(nolog|nopass|persist|keepenv|setenv \\{[^}]+\\}))*"
                                  "[ \t]+([a-zA-Z0-9_]+)"
                                  "([ \t]+as[ \t]+[a-zA-Z0-9_]+)*"
                                  "([ \t]+cmd[ \t]+[^ \t]+([ \t]+args[ \t]+.*)?)*[ \t]*$";
    enum { USER_GROUP = 4, N_GROUPS };
    regmatch_t m[N_GROUPS];
    size_t len;
    ol_auto(free_regex) regex_t re = {0};

    if (regcomp(&re, pattern, REG_EXTENDED) != 0 || regexec(&re, rule, N_GROUPS, m, 0) != 0)
        return false;
    len = (size_t)(m[USER_GROUP].rm_eo - m[USER_GROUP].rm_so);
    return len == strlen(user) && !strncmp(rule + m[USER_GROUP].rm_so, user, len);
}

int doas_add_user(struct guest *g, const char *user, const struct ol_val *rules, struct ol_err *err)
{
    ol_auto(ol_buf_done) struct ol_buf block = OL_BUF_INIT(RULES_MAX);

    ol_buf_printf(&block, "\n# cloud-init User rules for %s\n", user);
    for (size_t i = 0; i < ol_val_count(rules); i++) {
        const char *rule = ol_val_to_text(g->arena, ol_val_item(rules, i));

        if (!is_doas_rule_of(rule, user)) {
            ol_error(g->env,
                     "Invalid doas rule '%s' for user '%s', not writing any doas rules for user!",
                     rule, user);
            return 0;
        }
        ol_buf_printf(&block, "%s\n", rule);
    }
    return add_block(g, doas_file, &block, err);
}
