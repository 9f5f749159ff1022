# SPDX-License-Identifier: Apache-2.0
"""Images of other programs are read by us, and ours by them."""
import os
import pathlib
import random
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ORLOP_BUILD", ROOT / "build" / "dev"))
ISO_TOOL = BUILD / "tests" / "helpers" / "iso-tool"

FILES = {
    "openstack/latest/meta_data.json": b'{"uuid": "x"}',
    "openstack/latest/user_data": b"#cloud-config\n",
    "openstack/content/0000": b"",
    "openstack/content/0001": bytes(range(256)) * 40,
    "meta-data": b"instance-id: i-1\n",
    "user-data": b"a" * 2048,
    "network-config": b"b" * 2049,
    "a long name with blanks and more than eight letters.yaml": b"long\n",
    "UPPER.Case": b"case",
    "gr\u00fcn-\u20ac.txt": b"utf-8",
}


def need(*names):
    for name in names:
        if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            pytest.skip(f"{name} is not installed")
    if not ISO_TOOL.exists():
        pytest.skip(f"{ISO_TOOL} is not built")


def run(*argv, **kwargs):
    env = dict(os.environ, LC_ALL="C.UTF-8")
    env["PATH"] += ":/usr/sbin:/sbin"
    return subprocess.run(
        [str(a) for a in argv], check=True, env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs
    ).stdout


def write_tree(top, files):
    for name, data in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def listed(image):
    """Files with sizes, and directories, as our reader shows them."""
    lines = run(ISO_TOOL, "ls", image).decode().splitlines()
    return (
        {l.rsplit(" ", 1)[0]: int(l.rsplit(" ", 1)[1]) for l in lines if not l.endswith("/")},
        [l[:-1] for l in lines if l.endswith("/")],
    )


def assert_holds(image, files):
    assert listed(image)[0] == {name: len(data) for name, data in files.items()}
    for name, data in files.items():
        assert run(ISO_TOOL, "cat", image, name) == data, name


# demands: 14
@pytest.mark.parametrize(
    "options", [["-J", "-R"], ["-J", "-r"], ["-R"], ["-J", "-joliet-long"]], ids=" ".join
)
def test_genisoimage_with_long_names_is_read(tmp_path, options):
    need("genisoimage")
    write_tree(tmp_path / "in", FILES)
    image = tmp_path / "image.iso"
    run("genisoimage", "-quiet", "-input-charset", "utf-8", "-V", "config-2", *options, "-o",
        image, tmp_path / "in")
    assert_holds(image, FILES)
    label = run(ISO_TOOL, "label", image).decode().splitlines()
    assert label == ["config-2", "config-2" if "-J" in options else ""]


def test_genisoimage_with_plain_names_is_shown_as_linux_shows_it(tmp_path):
    need("genisoimage")
    write_tree(tmp_path / "in", {"META-DAT": b"m", "USER.TXT": b"u", "DIR/NESTED.A": b"n"})
    image = tmp_path / "image.iso"
    run("genisoimage", "-quiet", "-V", "CIDATA", "-o", image, tmp_path / "in")
    assert_holds(image, {"meta_dat": b"m", "user.txt": b"u", "dir/nested.a": b"n"})
    assert run(ISO_TOOL, "label", image).decode().splitlines()[0] == "CIDATA"


def test_directories_that_were_moved_up_are_shown_where_they_belong(tmp_path):
    need("genisoimage")
    files = {"/".join("d%d" % i for i in range(n)) + "/f": b"%d" % n for n in range(1, 13)}
    write_tree(tmp_path / "in", files)
    image = tmp_path / "image.iso"
    run("genisoimage", "-quiet", "-R", "-o", image, tmp_path / "in")
    shown, dirs = listed(image)
    moved = {n: s for n, s in shown.items() if not n.startswith("rr_moved")}
    assert moved == {name: len(data) for name, data in files.items()}
    for name, data in files.items():
        assert run(ISO_TOOL, "cat", image, name) == data


def test_many_files_with_names_of_every_length_are_read(tmp_path):
    need("genisoimage")
    files = {"many/" + "n" * n: b"%d" % n for n in range(1, 250)}
    files.update({"more/%04d" % n: b"%d" % n for n in range(300)})
    write_tree(tmp_path / "in", files)
    image = tmp_path / "image.iso"
    run("genisoimage", "-quiet", "-R", "-o", image, tmp_path / "in")
    assert listed(image)[0] == {name: len(data) for name, data in files.items()}
    for name in ("many/" + "n" * 249, "many/n", "more/0299"):
        assert run(ISO_TOOL, "cat", image, name) == files[name]


def test_symbolic_links_are_not_shown(tmp_path):
    need("genisoimage")
    write_tree(tmp_path / "in", {"real": b"r"})
    (tmp_path / "in" / "link").symlink_to("/etc/shadow")
    image = tmp_path / "image.iso"
    run("genisoimage", "-quiet", "-R", "-o", image, tmp_path / "in")
    assert_holds(image, {"real": b"r"})


@pytest.mark.parametrize("joliet", ["on", "off"])
def test_xorriso_is_read(tmp_path, joliet):
    need("xorriso")
    write_tree(tmp_path / "in", FILES)
    image = tmp_path / "image.iso"
    run("xorriso", "-outdev", image, "-volid", "cidata", "-joliet", joliet, "-map",
        tmp_path / "in", "/", "-commit")
    assert_holds(image, FILES)
    assert run(ISO_TOOL, "label", image).decode().splitlines()[0] == "cidata"


@pytest.fixture(name="ours")
def fixture_ours(tmp_path):
    need("isoinfo", "xorriso", "blkid")
    files = dict(FILES)
    files.update({"many/file-%03d.json" % n: b"%d" % n for n in range(150)})
    write_tree(tmp_path / "in", files)
    args = []
    for name in sorted(files, key=lambda n: random.Random(n).random()):
        args += [name, tmp_path / "in" / name]
    image = tmp_path / "ours.iso"
    run(ISO_TOOL, "make", image, "config-2", *args)
    return image, files


def test_ours_is_read_by_us(ours):
    assert_holds(*ours)
    assert run(ISO_TOOL, "label", ours[0]).decode().splitlines() == ["config-2", "config-2"]


@pytest.mark.parametrize("names", ["-R", "-J"])
def test_ours_is_read_by_isoinfo(ours, names):
    image, files = ours
    if names == "-J":  # it has no UTF-8 to show others in
        files = {name: data for name, data in files.items() if name.isascii()}
    shown = run("isoinfo", names, "-f", "-i", image).decode(errors="replace").splitlines()
    assert set("/" + name for name in files) <= set(shown)
    for name, data in files.items():
        got = run("isoinfo", names, "-i", image, "-x", "/" + name)
        assert got == data, name


def test_ours_is_read_by_xorriso(ours, tmp_path):
    image, files = ours
    report = subprocess.run(
        ["xorriso", "-indev", str(image), "-toc", "-osirrox", "on", "-extract", "/",
         str(tmp_path / "out")],
        check=True, capture_output=True, text=True,
    )
    assert "Volume id    : 'config-2'" in report.stdout + report.stderr
    assert "WARNING" not in report.stderr and "FAILURE" not in report.stderr, report.stderr
    for name, data in files.items():
        assert (tmp_path / "out" / name).read_bytes() == data


def test_ours_has_the_label_that_blkid_finds(ours):
    values = run("blkid", "-p", "-o", "export", ours[0]).decode().splitlines()
    assert "LABEL=config-2" in values
    assert "TYPE=iso9660" in values
    assert "PUBLISHER_ID=orlop" in values


def test_ours_has_the_same_content_in_any_order(ours, tmp_path):
    image = tmp_path / "again.iso"
    args = []
    for name in sorted(ours[1]):
        args += [name, tmp_path / "in" / name]
    run(ISO_TOOL, "make", image, "config-2", *args)
    assert image.stat().st_size == ours[0].stat().st_size
    assert_holds(image, ours[1])
