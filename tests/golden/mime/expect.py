#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes NAME.out for every NAME.in: what Python's email package makes of the message.

Headers and the written form are those of message_from_string(), payloads those of
message_from_bytes(): the former turns payloads that are not ASCII into Latin-1.
"""
import email
import email.generator
import pathlib
import zlib


def shown(data):
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    return "".join(
        chr(b) if 0x20 <= b < 0x7F and b != 0x5C else "\\x%02x" % b for b in data
    )


def dump(part, raw, depth, out):
    pad = "  " * depth
    out.append(f"{pad}part {shown(part.get_content_type())}")
    for name, value in part.items():
        out.append(f"{pad}. {shown(name)}: {shown(str(value))}")
    if part.get_filename() is not None:
        out.append(f"{pad}. filename {shown(part.get_filename())}")
    for name in ("preamble", "epilogue"):
        text = getattr(part, name)
        if text is not None:
            out.append(f"{pad}. {name} {shown(text)}")
    payload = raw.get_payload(decode=True)
    if payload is not None:
        out.append(f"{pad}. payload {len(payload)} {zlib.crc32(payload):08x}")
    if part.is_multipart():
        for a, b in zip(part.get_payload(), raw.get_payload()):
            dump(a, b, depth + 1, out)


def main():
    email.generator.random.randrange = lambda _max: 42
    for path in sorted(pathlib.Path(__file__).parent.glob("*.in")):
        data = path.read_bytes()
        raw = email.message_from_bytes(data)
        try:
            message = email.message_from_string(data.decode("utf-8"))
        except UnicodeDecodeError:
            message = raw
        out = []
        dump(message, raw, 0, out)
        if message is not raw:
            text = str(message).encode("utf-8")
            out.append(f"written {len(text)} {zlib.crc32(text):08x}")
        path.with_suffix(".out").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
