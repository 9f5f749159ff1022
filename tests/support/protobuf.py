# SPDX-License-Identifier: Apache-2.0
"""Python's protobuf and gRPC with the .proto files of this project."""

import importlib
import subprocess
import sys

from google.protobuf import descriptor_pb2

from runner.results import ROOT

PROTOS = ROOT / "src/volume/proto"


def compiled(name, into):
    """The module that protoc makes of NAME.proto, written below the directory 'into'."""
    subprocess.run(["protoc", f"--proto_path={PROTOS}", f"--python_out={into}", f"{name}.proto"],
                   check=True)
    sys.path.insert(0, str(into))
    try:
        return importlib.import_module(f"{name}_pb2")
    finally:
        sys.path.remove(str(into))


def _message_lines(message, prefix, package):
    name = prefix + message.name
    maps = {t.name for t in message.nested_type if t.options.map_entry}
    yield f"message {name}"
    for f in message.field:
        kind = f.Type.Name(f.type)[len("TYPE_"):].lower()
        if f.type_name:
            of = f.type_name.replace(f".{package}.", "").replace(".google.protobuf.", "")
            kind = "map" if f.type_name.split(".")[-1] in maps else f"{kind}:{of}"
        label = "repeated" if f.label == f.LABEL_REPEATED and kind != "map" else "single"
        oneof = message.oneof_decl[f.oneof_index].name if f.HasField("oneof_index") else "-"
        yield f"field {name}.{f.name} {f.number} {label} {kind} {oneof}"
    for enum in message.enum_type:
        yield from _enum_lines(enum, f"{name}.")
    for nested in message.nested_type:
        if not nested.options.map_entry:
            yield from _message_lines(nested, f"{name}.", package)


def _enum_lines(enum, prefix):
    for value in enum.value:
        yield f"value {prefix}{enum.name}.{value.name} {value.number}"


def described(name, into):
    """Every fact of NAME.proto as a sorted list of lines."""
    path = into / f"{name}.descriptors"
    subprocess.run(["protoc", f"--proto_path={PROTOS}", f"--descriptor_set_out={path}",
                    f"{name}.proto"], check=True)
    files = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
    lines = []
    for f in files:
        for message in f.message_type:
            lines += _message_lines(message, "", f.package)
        for enum in f.enum_type:
            lines += _enum_lines(enum, "")
        for service in f.service:
            lines += [f"rpc {service.name}.{m.name} {m.input_type.split('.')[-1]} "
                      f"{m.output_type.split('.')[-1]}" for m in service.method]
    return sorted(lines)
