# SPDX-License-Identifier: Apache-2.0
"""Our gRPC and Google's, each as the client of the other; our .proto files and the specification."""

import os
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from support import protobuf

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("ORLOP_BUILD", ROOT / "build/dev")) / "tests/helpers/grpc-tool"
CODES = {code.value[0]: code for code in grpc.StatusCode}
NAMES = ("OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists "
         "PermissionDenied ResourceExhausted FailedPrecondition Aborted OutOfRange Unimplemented "
         "Internal Unavailable DataLoss Unauthenticated").split()
SENTENCE = "volume \"v\" is 100% busy:\n\tüber"
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture
def address(tmp_path):
    return f"unix:{tmp_path}/s"


# --- their client, our server ---

@pytest.fixture
def stub(address):
    """A call of our server by its method's name."""
    server = subprocess.Popen([TOOL, "serve", address], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    assert server.stdout.readline() == b"ready\n"
    with grpc.insecure_channel(address, UNLIMITED) as channel:
        yield lambda method: channel.unary_unary(f"/test.Test/{method}")
    server.stdin.close()
    assert server.wait(10) == 0


def test_their_client_gets_our_answers(stub):
    assert stub("Echo")(b"hello") == b"hello"
    assert stub("Echo")(b"") == b""
    with pytest.raises(grpc.RpcError) as e:
        stub("None")(b"")
    assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_their_client_reads_each_of_our_codes(stub):
    for code in range(1, 17):
        with pytest.raises(grpc.RpcError) as e:
            stub("Fail")(bytes([code]) + SENTENCE.encode())
        assert (e.value.code(), e.value.details()) == (CODES[code], SENTENCE)


@pytest.mark.parametrize("size", [1, 16384, 65536, 1 << 20, 20 << 20])
def test_their_client_and_large_messages(stub, size):
    assert len(stub("Large")(str(size).encode())) == size
    assert len(stub("Echo")(b"x" * size)) == size


def test_their_client_is_told_of_its_deadline(stub):
    started = time.monotonic()
    with pytest.raises(grpc.RpcError) as e:
        stub("Never")(b"", timeout=0.2)
    assert e.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 5
    assert stub("Echo")(b"on") == b"on"


def test_their_client_may_cancel(stub):
    call = stub("Never").future(b"")
    time.sleep(0.1)
    call.cancel()
    assert stub("Echo")(b"on") == b"on"


def test_their_client_makes_many_calls_at_once(stub):
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: stub("Echo")(str(n).encode()), range(1000)))
    assert answers == [str(n).encode() for n in range(1000)]


def test_compressed_messages_are_refused(stub):
    with pytest.raises(grpc.RpcError) as e:
        stub("Echo")(b"x" * 10000, compression=grpc.Compression.Gzip)
    assert e.value.code() == grpc.StatusCode.UNIMPLEMENTED


# --- our client, their server ---

class Service(grpc.GenericRpcHandler):
    def service(self, details):
        method = getattr(self, details.method.rsplit("/", 1)[1], None)
        return method and grpc.unary_unary_rpc_method_handler(method)

    @staticmethod
    def Echo(request, context):
        return request

    @staticmethod
    def Fail(request, context):
        context.abort(CODES[int(request)], SENTENCE.replace("\n", " "))

    @staticmethod
    def Late(request, context):
        time.sleep(float(request))
        return b"late"

    @staticmethod
    def Remaining(request, context):
        return f"{context.time_remaining():.1f}".encode()

    @staticmethod
    def Agent(request, context):
        metadata = dict(context.invocation_metadata())
        return metadata["user-agent"].encode()

    @staticmethod
    def Large(request, context):
        return b"x" * int(request)


@pytest.fixture
def server(address):
    server = grpc.server(ThreadPoolExecutor(8), options=UNLIMITED)
    server.add_generic_rpc_handlers((Service(),))
    server.add_insecure_port(address)
    server.start()
    yield server
    server.stop(None).wait()


def calls(address, *lines):
    """What our client prints for calls made at once, in the order of the answers."""
    text = "".join(f"/test.Test/{line}\n" for line in lines)
    done = subprocess.run([TOOL, "call", address], input=text, capture_output=True, text=True,
                          timeout=60, check=True)
    return [l.removeprefix("/test.Test/") for l in done.stdout.splitlines()]


def test_our_client_gets_their_answers(address, server):
    assert calls(address, "Echo 0 hello") == ["Echo OK peer 5 hello"]
    assert calls(address, "Echo 0") == ["Echo OK peer 0 "]
    answer, = calls(address, "None 0")
    assert answer.startswith("None Unimplemented peer 0 ")


def test_our_client_reads_each_of_their_codes(address, server):
    answers = calls(address, *[f"Fail 0 {code}" for code in range(1, 17)])
    sentence = SENTENCE.replace("\n", " ")
    assert sorted(answers) == sorted(f"Fail {NAMES[code]} peer 0 {sentence}"
                                     for code in range(1, 17))


@pytest.mark.parametrize("size", [1, 16384, 65536, 1 << 20, 20 << 20])
def test_our_client_and_large_messages(address, server, size):
    answer, = calls(address, f"Large 0 {size}")
    assert answer.startswith(f"Large OK peer {size} x")


def test_our_client_has_a_maximum(address, server):
    answer, = calls(address, f"Large 0 {(64 << 20) + 1}")
    assert answer == "Large ResourceExhausted here 0 the message is larger than 64 MiB"


def test_our_client_sends_and_keeps_its_deadline(address, server):
    late, remaining = sorted(calls(address, "Late 200 1", "Remaining 30000"))
    assert late.startswith("Late DeadlineExceeded ")  # by whose timer is a race
    assert remaining == "Remaining OK peer 4 30.0"


def test_our_client_makes_more_calls_than_a_server_takes_at_once(address, server):
    answers = calls(address, *[f"Echo 0 {n}" for n in range(2000)])
    assert sorted(answers) == sorted(f"Echo OK peer {len(str(n))} {n}" for n in range(2000))


def test_our_client_is_told_that_nobody_is_there(address, tmp_path):
    answer, = calls(address, "Echo 0 x")
    assert answer == ('Echo Unavailable here 0 connection error: desc = "transport: Error while '
                      f'dialing: dial unix {tmp_path}/s: connect: no such file or directory"')


# --- broken peers ---

def http2_frame(kind, flags, stream, payload):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
            + payload)


SETTINGS = http2_frame(4, 0, 0, b"")
# HPACK without compression: a literal field, not indexed, new name.
def field(name, value):
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def headers(status, *fields, end=False):
    block = field(b":status", status) + b"".join(field(*f) for f in fields)
    return http2_frame(1, 4 | end, 1, block)


GRPC = (b"content-type", b"application/grpc")
DATA = 0
BROKEN = {
    "closes at once": (b"", "Unavailable here 0 connection error"),
    "speaks HTTP/1.1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "Unavailable here 0 "),
    "sends noise": (b"\xff" * 100, "Unavailable here 0 "),
    "goes away": (SETTINGS + http2_frame(7, 0, 0, bytes(4) + bytes(4)), "Unavailable here 0 "),
    "resets": (SETTINGS + http2_frame(3, 0, 1, (8).to_bytes(4, "big")),
               "Canceled here 0 stream terminated by RST_STREAM"),
    "is a web server": (SETTINGS + headers(b"404", (b"content-type", b"text/html"), end=True),
                        "Unimplemented here 0 unexpected HTTP status code received from server: "
                        "404; it speaks no gRPC"),
    "is a gateway": (SETTINGS + headers(b"503", end=True), "Unavailable here 0 "),
    "has no trailers": (SETTINGS + headers(b"200", GRPC, end=True),
                        "Unknown here 0 server closed the stream without sending trailers"),
    "says OK without a message": (SETTINGS + headers(b"200", GRPC, (b"grpc-status", b"0"), end=True),
                                  "Internal here 0 there is no message"),
    "says OK after half a message": (
        SETTINGS + headers(b"200", GRPC) + http2_frame(DATA, 0, 1, b"\0\0\0\0\5ab")
        + http2_frame(1, 5, 1, field(b"grpc-status", b"0")),
        "Internal here 0 there is not exactly one whole message"),
    "compresses": (SETTINGS + headers(b"200", GRPC) + http2_frame(DATA, 0, 1, b"\1\0\0\0\1x"),
                   "Unimplemented here 0 the message is compressed"),
    "knows other codes": (SETTINGS + headers(b"200", GRPC, (b"grpc-status", b"99"), end=True),
                          "Unknown peer 0 "),
    "answers by trailers only": (
        SETTINGS + headers(b"200", GRPC, (b"grpc-status", b"5"), (b"grpc-message", b"no%20such"),
                           end=True), "NotFound peer 0 no such"),
}


def answer_with(listener, data):
    """To every connection: 'data' once the request is there, and the end."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer:
            peer.recv(65536)
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            peer.settimeout(5)
            try:
                while peer.recv(65536):
                    pass
            except OSError:
                pass


@pytest.mark.parametrize("what", BROKEN)
def test_our_client_survives_a_peer_that(what, tmp_path):
    data, want = BROKEN[what]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        thread = threading.Thread(target=answer_with, args=(listener, data))
        thread.start()
        try:
            answer, = calls(f"unix:{tmp_path}/s", "Echo 5000 x")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
    assert answer.startswith(f"Echo {want}")


# --- the messages ---

def test_our_messages_are_those_of_the_specification(tmp_path):
    """Each message, field, value and RPC of ours is there with that number, and none is left out."""
    known = (Path(__file__).parent / "csi-fields.txt").read_text().splitlines()
    spelled_out = {"BoolValue", "Int64Value", "Timestamp"} # of protobuf's own, not CSI's
    ours = [l for l in protobuf.described("csi", tmp_path)
            if l.split()[1].split(".")[0] not in spelled_out]
    ours += [f"registration {l}" for l in protobuf.described("registration", tmp_path)]
    assert sorted(ours) == sorted(l for l in known if not l.startswith("#"))


def test_our_client_reads_their_csi_messages(address, tmp_path):
    csi = protobuf.compiled("csi", tmp_path)

    class Identity(grpc.GenericRpcHandler):
        def service(self, details):
            assert details.method == "/csi.v1.Identity/GetPluginInfo"
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: csi.GetPluginInfoResponse(
                    name="d.example.org", vendor_version="1", manifest={"a": "b"}),
                csi.GetPluginInfoRequest.FromString, csi.GetPluginInfoResponse.SerializeToString)

    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Identity(),))
    server.add_insecure_port(address)
    server.start()
    done = subprocess.run([TOOL, "csi", address], capture_output=True, text=True, timeout=20)
    server.stop(None).wait()
    assert done.stdout == "d.example.org 1 a=b\n"


def test_a_reply_of_another_type_is_internal(address, tmp_path):
    class Wrong(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: b"\x0a\xff")

    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Wrong(),))
    server.add_insecure_port(address)
    server.start()
    done = subprocess.run([TOOL, "csi", address], capture_output=True, text=True, timeout=20)
    server.stop(None).wait()
    assert done.stdout == "Internal the driver's reply is no message of the expected type\n"
