# SPDX-License-Identifier: Apache-2.0
"""One boot of a real machine: kernel, CD-ROM, virtio-serial. What the demo shows, asserted."""

import json
import re
from pathlib import Path

import pytest

from support import guest
from support.machine import our_program

HERE = Path(__file__).parent
STAGES = ["init-local", "init", "modules-config", "modules-final"]


@pytest.fixture(scope="module")
def report():
    return guest.boot(our_program(), (HERE / "demo-user-data").read_text())


def text(report, path):
    if path not in report.files:
        pytest.fail(f"{path} is missing; the console said:\n{report.console[-3000:]}")
    return report.files[path].decode()


@pytest.mark.demands(2)
def test_the_four_stages_end_well(report):
    assert [(n, s) for n, s, _ in report.stages] == [(n, 0) for n in STAGES], report.console[-3000:]


@pytest.mark.demands(1, 14)
def test_the_config_drive_on_the_cdrom_was_read_and_is_not_mounted(report):
    assert report.facts["instance_id"] == guest.META_DATA["uuid"]
    assert report.facts["mounts"] == "0"
    status = json.loads(text(report, "/var/lib/cloud/data/status.json"))
    assert status["v1"]["datasource"].startswith("DataSourceConfigDrive")


def test_the_machine_has_its_name(report):
    assert report.facts["hostname"] == "web"
    assert text(report, "/etc/hostname") == "web\n"


@pytest.mark.demands(19)
def test_files_were_written(report):
    assert "milliseconds" in text(report, "/etc/motd")
    assert json.loads(text(report, "/opt/app/settings.json")) == {"port": 8080}


@pytest.mark.demands(21, 47)
def test_the_commands_ran(report):
    assert text(report, "/opt/app/ran") == "runcmd ran as root\n"


@pytest.mark.demands(23)
def test_users_have_their_keys(report):
    assert re.search(r"^alice:", text(report, "/etc/passwd"), re.M)
    assert "alice@example" in text(report, "/home/alice/.ssh/authorized_keys")
    assert "demo@example" in text(report, "/home/debian/.ssh/authorized_keys")


@pytest.mark.demands(5, 41)
def test_the_network_was_written_out(report):
    eni = text(report, "/etc/network/interfaces.d/50-cloud-init")
    assert "10.0.2.15" in eni and "10.0.2.2" in eni


def test_status_lines_arrive_outside_the_machine(report):
    lines = [json.loads(line) for line in report.status_lines]
    assert lines, "nothing arrived on the port"
