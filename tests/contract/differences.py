# SPDX-License-Identifier: Apache-2.0
"""
Where ours differs from Debian 12's cloud-init 22.4.2 on purpose: case, path and kind of
difference as regular expressions, and the reason that its user would accept. Anything that
is not listed here fails its case.
"""

import re


def lines(*patterns):
    """The contents differ in nothing but lines that match one of these."""
    changed = "|".join(patterns)
    return (r"content differs\n--- theirs\n\+\+\+ ours\n"
            rf"((@@.*| .*|[-+]({changed})?)(\n|\Z))*\Z")


KNOWN = (
    (r".*", r"/var/lib/cloud/data/python-version", r"only theirs",
     "there is no interpreter whose change would have to be noticed"),
    (r".*", r"/var/lib/cloud/instances/[^/]+/obj\.pkl", r"only theirs",
     "a pickle can be read by Python alone; the cache is JSON"),
    (r".*", r"/var/lib/cloud/instances/[^/]+/obj\.json", r"only ours",
     "the cache, instead of the pickle"),
    (r".*", r"/var/lib/cloud/instances/[^/]+/network-config\.json", r"only ours",
     "newer versions keep what was applied; tools look for it"),
    (r".*", r"/run/cloud-init/network-config\.json", r"only ours",
     "newer versions link what was applied"),
    (r".*", r"/run/cloud-init/combined-cloud-config\.json", r"only ours",
     "newer versions keep the merged configuration; tools look for it"),
    (r"everything|write-files", r"/etc/motd\.d|/opt/new(/down)?", r"[ug]id",
     "newer versions give the directories made for a file to the file's owner"),
    (r".*", r"/etc/locale\.gen", r"only ours|content",
     "newer versions enable the locale there; without that Debian's locale-gen makes nothing"),
    (r"write-files", r"/opt/set-id", r"mode",
     "newer versions give set-id bits back after the change of owner has taken them"),
    (r".*", r"/var/log/cloud-init\.log", r"mode: theirs 0o644, ours 0o640",
     "newer versions keep the log from other users"),
    (r".*", r"/etc/network/interfaces\.d/50-cloud-init",
     lines(r" *(post-up|pre-down) (ip )?route (add|del) .*", r"# control-alias eth0",
           r"iface eth0 inet6 dhcp"),
     "newer versions use ip (a Debian image has no net-tools) and ask for IPv6 leases too"),
    (r"everything", r"/etc/network/interfaces\.d/50-cloud-init",
     lines(r" *dns .*", r" *dns-.*"),
     "name servers of one interface once, at that interface, and no Python dict among them"),
    (r"new-instance|script-frequencies", r"/etc/sudoers\.d/90-cloud-init-users",
     lines(r"# User rules for debian", r"debian ALL=.*"), "a rule that is there is not repeated"),
    (r"broken-yaml", r".*/cloud-config\.txt", lines(r"# Cloud-config part ignored.*"),
     "newer versions say there which part was ignored"),
    (r"config-drive-unreadable", r"/run/cloud-init/tmp", r"only theirs",
     "the place where a drive was mounted is not left behind"),
    (r"part-handler", r"/opt/handled|/var/lib/cloud/instances/[^/]+/handlers/.*", r"only theirs",
     "not yet: a handler written in Python is named in a warning and left out"),
)


def entry(case, path, what):
    """The number in KNOWN of what allows this difference, or None."""
    for number, (in_case, at, kind, _) in enumerate(KNOWN):
        if re.fullmatch(in_case, case) and re.fullmatch(at, path) and re.match(kind, what):
            return number
    return None
