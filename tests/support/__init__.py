# SPDX-License-Identifier: Apache-2.0
"""Machines for whole-program tests: a Debian tree, boxes over it, small guests in QEMU."""
