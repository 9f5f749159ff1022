# SPDX-License-Identifier: Apache-2.0
"""
What two runs of the very same program already differ in, or what names the program itself.
Each rule has its reason. A path that no rule names is compared byte by byte, with its type,
mode and owner; the rules touch contents only.
"""

import difflib
import json
import re

# Paths that say nothing about an instance.
IGNORED = (
    (r"/run/lock$", "made by the box itself"),
    (r"/run/(systemd|network)(/|$)", "kept by the network's and the service manager"),
    (r".*/__pycache__(/|$)", "Python's own cache"),
    (r"/tmp(/|$).*", "emptied at every boot"),
    (r"/run/(utmp|mount|udev|sudo|blkid)(/|$)", "kept by the tools that were called"),
    (r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$",
     "the tools' backup of one call ago: depends on how many calls it took"),
    (r"/etc/\.pwd\.lock$", "the tools' lock file"),
    (r"/var/(cache|lib)/(debconf|dpkg|apt|ldconfig)(/|$)", "kept by Debian's tools"),
)


def sub(pattern, to):
    found = re.compile(pattern, re.M)
    return lambda text: found.sub(to, text)


def hide(_text):
    return "(not compared)"


def json_without(*drop):
    """JSON with the keys dropped wherever they are, keys in order."""
    def walk(value):
        if isinstance(value, dict):
            return {k: walk(v) for k, v in sorted(value.items()) if k not in drop}
        if isinstance(value, list):
            return [walk(v) for v in value]
        return value

    def rule(text):
        try:
            return json.dumps(walk(json.loads(text)), indent=1)
        except ValueError:
            return text
    return rule


def report_file(*drop):
    """
    status.json and result.json. That a stage had errors counts, not their wording: it is the
    repr of a Python exception. The source's description lost its default mode in newer versions.
    """
    def walk(value):
        if isinstance(value, dict):
            return {k: ["some"] if k == "errors" and v else walk(v)
                    for k, v in sorted(value.items()) if k not in drop}
        return value.replace("[dsmode=net]", "") if isinstance(value, str) else value

    def rule(text):
        try:
            return json.dumps(walk(json.loads(text)), indent=1)
        except ValueError:
            return text
    return rule


def instance_data(*drop):
    """
    Names of the interpreter and of the C library, and the merged configuration (which names
    versions; newer ones keep it twice) are left out.
    """
    rule = json_without("python_version", "_beta_keys", "sys_info", "merged_cfg",
                        "merged_system_cfg", "base64_encoded_keys", "_doc", "system_info", *drop)

    def both(text):
        text = re.sub(r',?\s*"merged_(system_)?cfg"(?=\s*[],])', "", text)
        return re.sub(r"-with-glibc[\d.]+", "", rule(text))
    return both


RULES = (
    (r".*", sub(r"(?i)(cloud-init v\.?) ?[\w.~+-]+( (?:on|at|finished at|running) .*)?$",
                r"\1 VERSION"), "version and date of the program"),
    (r"/var/log/cloud-init(-output)?\.log", hide,
     "a log tells how the work was done, with times"),
    (r".*/obj\.pkl", hide, "a pickle of the interpreter"),
    (r"(/var/lib/cloud/(instances/[^/]+/)?sem|/run/cloud-init/sem)/.*",
     sub(r"\A\d+: \d+(\.\d+)?$", "PID: TIME"), "process id and time"),
    (r"/var/lib/cloud/.*sem/bootper\..*", sub(r"^\d+\t\d+$", "STATUS\tTIME"), "time"),
    (r".*/boot-finished", sub(r"[\d.]+ - .* - v\. .*", "UPTIME - DATE - v. VERSION"),
     "uptime, date, version"),
    (r".*/(user-data|vendor-data2?)\.txt\.i",
     sub(r"={5,}\d+==", "=BOUNDARY="), "the MIME boundary is random"),
    (r"/etc/ssh/ssh_host_\w+_key$", hide, "a new private key"),
    (r"/etc/ssh/ssh_host_\w+_key\.pub", sub(r"^(\S+) \S+", r"\1 KEY"), "a new public key"),
    (r"/etc/shadow$", sub(r":\$[^:]+:", ":HASH:"), "salt of a password"),
    (r"(/var/lib/cloud/data|/run/cloud-init)/status\.json",
     report_file("start", "finished", "recoverable_errors", "modules-init"),
     "times, errors' wording, and what only one of the versions records"),
    (r"(/var/lib/cloud/data|/run/cloud-init)/result\.json", report_file(),
     "errors' wording"),
    (r".*/(datasource|previous-datasource)", sub(r"\[dsmode=net\]", ""),
     "newer versions leave the default mode out"),
    (r"/run/cloud-init/instance-data\.json", instance_data(), "see there"),
    (r"/run/cloud-init/instance-data-sensitive\.json",
     instance_data("userdata", "vendordata", "vendordata2", "features", "combined_cloud_config"),
     "as above; whole documents are compared where they are kept, below instances/"),
)


def is_ignored(path):
    return any(re.match(pattern, path) for pattern, _ in IGNORED)


def content(path, data):
    text = data.decode(errors="backslashreplace")
    for pattern, rule, _ in RULES:
        if re.fullmatch(pattern, path) or re.match(pattern + r"\Z", path):
            text = rule(text)
    return text


def difference(path, theirs, ours):
    """A sentence about what differs, or ''."""
    if theirs is None:
        return "only ours has it"
    if ours is None:
        return "only theirs has it"
    for name in ("type", "mode", "uid", "gid", "target"):
        a, b = getattr(theirs, name), getattr(ours, name)
        if a != b:
            shown = (oct(a), oct(b)) if name == "mode" else (a, b)
            return f"{name}: theirs {shown[0]}, ours {shown[1]}"
    a, b = content(path, theirs.data), content(path, ours.data)
    if a == b:
        return ""
    return "content differs\n" + unified(a, b)


def unified(a, b):
    lines = difflib.unified_diff(a.splitlines(), b.splitlines(), "theirs", "ours", n=1, lineterm="")
    return "\n".join(list(lines)[:40])
