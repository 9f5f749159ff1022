# SPDX-License-Identifier: Apache-2.0
# The short names of everyday work; what is built and how stands in meson.build, what is
# checked and how in tests/run.py.
#
#   make              the release build, in build/release
#   make deps         installs the Debian packages that are missing (packaging/packages.txt)
#   make demo         boots a machine of 256 MB with our cloud-init and shows what it did
#   make check        everything: builds, tests, static checks; the last line counts
#   make demands      which test shows which numbered demand, after a 'make check'
#   make bench        side by side with the Python cloud-init; then volumes; then the host agent
#   make contract-openstack   the host agent beside Debian's nova-compute, on a real control plane
#   make fuzz         libFuzzer over every decoder, FUZZ_SECONDS each (60)
#   make format       clang-format over every tracked .c and .h
#   make install      DESTDIR=, prefix=/usr; WHAT=guest, volume or compute for one of the three alone

PYTHON ?= /usr/bin/python3
prefix ?= /usr
WHAT ?= guest,volume,compute
FUZZ_SECONDS ?= 60

.PHONY: build deps demo check bench fuzz format demands contract-openstack install clean

build:
	@packaging/deps build
	@$(PYTHON) tests/run.py build

deps:
	@packaging/deps build test demo

demo:
	@packaging/deps build demo
	@$(PYTHON) tests/run.py demo

check:
	@packaging/deps build test demo
	@$(PYTHON) tests/run.py check

bench:
	@packaging/deps build test
	@$(PYTHON) tests/run.py bench

contract-openstack:
	@packaging/deps build test
	@$(PYTHON) tests/run.py build
	@$(PYTHON) tests/openstack/run.py

fuzz:
	@packaging/deps build test
	@$(PYTHON) tests/run.py fuzz $(FUZZ_SECONDS)

format:
	@packaging/deps test
	@git ls-files -z -- '*.c' '*.h' | xargs -0 -r clang-format-16 -i

demands:
	@$(PYTHON) tests/run.py demands

install:
	@packaging/deps build
	@PREFIX='$(prefix)' $(PYTHON) tests/run.py build
	@DESTDIR='$(DESTDIR)' meson install -C build/release --no-rebuild --tags '$(WHAT)'

clean:
	rm -rf build
