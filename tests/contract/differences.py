# SPDX-License-Identifier: Apache-2.0
"""
Where ours differs from Debian 12's cloud-init 22.4.2 on purpose: case, path and kind of
difference as regular expressions, and the reason that its user would accept. Anything that
is not listed here fails its case.
"""

import re

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
    (r".*", r"/var/lib/cloud/instances/[^/]+/vendor2?-cloud-config\.txt", r"only ours",
     "newer versions keep the vendor's part apart"),
    (r".*", r"/run/cloud-init/share", r"only ours", "newer versions make it for their sockets"),
    (r".*", r"/run/cloud-init/\.skip-network", r"only ours",
     "newer versions let the network stage skip its wait"),
    (r"everything|write-files", r"/etc/motd\.d|/opt/new(/down)?", r"[ug]id",
     "newer versions give the directories made for a file to the file's owner"),
    (r".*", r"/etc/locale\.gen", r"only ours|content",
     "newer versions enable the locale there; without that Debian's locale-gen makes nothing"),
    (r"write-files", r"/opt/set-id", r"mode",
     "newer versions give set-id bits back after the change of owner has taken them"),
    (r".*", r"/var/log/cloud-init\.log", r"mode: theirs 0o644, ours 0o640",
     "newer versions keep the log from other users"),
)


def reason(case, path, what):
    """The reason why this difference is meant, or None."""
    for in_case, at, kind, why in KNOWN:
        if re.fullmatch(in_case, case) and re.fullmatch(at, path) and re.match(kind, what):
            return why
    return None
