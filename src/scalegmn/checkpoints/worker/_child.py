"""The worker: reads, hashes and decodes one file after the other, under limits.

It trusts its parent and nothing of a file.  Only numpy and the standard library are imported,
and h5py where there is an HDF5 file to read.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import socket
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from scalegmn.checkpoints import Contents, RawTensor, file_changed_message, too_much_memory
from scalegmn.checkpoints.worker._channel import Channel, ChannelError
from scalegmn.checkpoints.worker._confinement import LIMITS, Confinement
from scalegmn.checkpoints.worker._describing import describe_contents, raw_bytes, refusal
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

Decode = Callable[..., Contents]

MOST_REQUEST_BYTES: Final = 64 * 2**20


def main() -> None:
    """Serve the parent whose process number is the last argument, with the library's own decoder."""
    from scalegmn.checkpoints import decode

    serve(decode=decode)


def serve(*, decode: Decode) -> None:
    """Answer requests until the parent closes the connection."""
    channel = Channel(_connection())
    warnings.simplefilter("ignore")
    gc.freeze()  # what is imported is never collected: collecting after each file costs little
    sys.dont_write_bytecode = True
    confinement = Confinement(parent=int(sys.argv[-1]))
    missing = [name for name in LIMITS if name not in confinement.held]
    channel.send_frame(json.dumps({"held": confinement.held, "missing": missing}).encode("ascii"))
    while True:
        try:
            request, descriptor = channel.receive_request(
                most=MOST_REQUEST_BYTES, descriptors=sys.platform != "win32"
            )
            _serve_file(channel, request, descriptor=descriptor, confinement=confinement, decode=decode)
        except ChannelError:  # the parent has gone
            return
        gc.collect()


def _connection() -> socket.socket:
    """The socket that the parent has left in place of the standard input."""
    if sys.platform == "win32":
        shared = sys.stdin.buffer.read()
        return socket.fromshare(shared)
    connection = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return connection


def _serve_file(
    channel: Channel,
    request: Mapping[str, Any],
    *,
    descriptor: int | None,
    confinement: Confinement,
    decode: Decode,
) -> None:
    """Answer about one file, then send the numbers that the parent asks for, until it is done."""
    try:
        confinement.start_file(memory=request["memory"], processor_seconds=request["processor_seconds"])
        contents, answer = _answer(channel, request, descriptor=descriptor, decode=decode)
    finally:
        if descriptor is not None:
            os.close(descriptor)
    channel.send_frame(answer)
    while contents is not None:
        request, _ = channel.receive_request(most=MOST_REQUEST_BYTES, descriptors=False)
        if "send" not in request:
            return
        for index in request["send"]:
            tensor = contents.entries[index].value
            if isinstance(tensor, RawTensor) and tensor.nbytes > 0:
                channel.send(raw_bytes(tensor).cast("B"))


def _answer(
    channel: Channel, request: Mapping[str, Any], *, descriptor: int | None, decode: Decode
) -> tuple[Contents | None, bytes]:
    """What the file holds, and the answer; whatever goes wrong is an answer, too."""
    max_bytes = request["max_bytes"]
    try:
        content = _content(channel, size=request["size"], descriptor=descriptor)
        sha256 = hashlib.sha256(content).hexdigest()
        contents = decode(content, max_bytes=max_bytes, confined=request["hdf5"])
        return contents, describe_contents(contents, sha256=sha256, max_bytes=max_bytes)
    except UnsafeCheckpointError as error:
        return None, refusal(str(error), unsafe=True)
    except CheckpointError as error:
        return None, refusal(str(error), unsafe=False)
    except ChannelError:
        raise
    except MemoryError:
        reason = too_much_memory(max_bytes)
    except RecursionError:
        reason = "what it holds is nested too deeply. Save the state dict of the network alone."
    except Exception as error:  # a fault of the decoder costs this file alone
        reason = (
            f"it cannot be read ({type(error).__name__}: {error}). The file is damaged or of unknown kind; "
            "save the state dict of the network alone."
        )
    return None, refusal(reason, unsafe=False)


def _content(channel: Channel, *, size: int, descriptor: int | None) -> bytes:
    """All bytes of the file, which may not have changed since its size was seen."""
    if descriptor is None:
        return _sent(channel, size=size)
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(size)
        grown = bool(file.read(1))
    if len(content) < size or grown:
        raise CheckpointError(file_changed_message(size))
    return content


def _sent(channel: Channel, *, size: int) -> bytes:
    """All bytes as the parent sends them; they are taken from the connection also if there is no memory."""
    try:
        buffer = bytearray(size)
    except MemoryError:
        portion = memoryview(bytearray(min(size, 2**20)))
        while size > 0:
            channel.receive_into(portion[:size])
            size -= len(portion[:size])
        raise
    channel.receive_into(memoryview(buffer))
    return bytes(buffer)
