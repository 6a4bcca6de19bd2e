"""The worker for ONNX files: as that for checkpoints, with the parser of the package onnx beside it."""

from __future__ import annotations


def main() -> None:
    """Serve the parent whose process number is the last argument."""
    # Imported before the limits are set, so that they count what a file takes, and not the parser.
    from scalegmn.checkpoints.onnx._decoding import decode_onnx
    from scalegmn.checkpoints.worker import serve

    serve(decode=decode_onnx)
