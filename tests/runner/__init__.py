# SPDX-License-Identifier: Apache-2.0
"""The parts of tests/run.py: one file per kind of check. Standard library only."""
