"""Random valid files through our reader and the usual ones: every tensor must be equal, bit for bit.

`python -m benchmarks.read_valid` makes 10,000 files of `torch.save` (both forms, protocols 2 to 5),
safetensors and `np.savez`; `--files` and `--seed` change that.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from scalegmn.checkpoints import RawTensor, decode

KINDS = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128),
    *(torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool),
)
MAX_BYTES = 2**24
FORMS = ("torch", "torch_legacy", "safetensors", "npz", "npz_compressed")
Numbers = dict[tuple[Any, ...], tuple[str, tuple[int, ...], bytes]]


def random_tensor(generator: np.random.Generator) -> Tensor:
    """Any bits, NaN included, of any type, seen in any of the usual ways."""
    kind = KINDS[generator.integers(len(KINDS))]
    shape = tuple(int(size) for size in generator.integers(0 if generator.random() < 0.05 else 1, 5, 4))
    count, size = int(np.prod(shape)), kind.itemsize
    data = generator.integers(0, 2 if kind == torch.bool else 256, count * size, dtype=np.uint8)
    whole = torch.from_numpy(data).view(kind).reshape(shape) if count else torch.empty(shape, dtype=kind)
    match generator.integers(7):
        case 0:
            return whole.transpose(0, 2)
        case 1:
            return whole[::2, ..., 1:]
        case 2:
            return whole[0, 0, 0, :1].expand(3, -1) if count else whole
        case 3:
            return whole.reshape(-1)[:1].reshape(()) if count else whole
        case 4:
            return whole.contiguous(memory_format=torch.channels_last)
        case 5 if kind.is_floating_point:
            return nn.Parameter(whole, requires_grad=bool(generator.integers(2)))
    return whole


def random_tree(generator: np.random.Generator, tensors: list[Tensor], depth: int = 3) -> Any:
    """Dictionaries and lists of tensors and plain values; tensors may be views of the same numbers."""
    match generator.integers(6 if depth else 3):
        case 0:
            return [3, -(2**40), 0.1, "ünï", None, True, b"x"][generator.integers(7)]
        case 1 | 2:
            if tensors and generator.random() < 0.3:
                return tensors[generator.integers(len(tensors))].detach()[..., None]
            tensors.append(random_tensor(generator))
            return tensors[-1]
        case 3:
            return [random_tree(generator, tensors, depth - 1) for _ in range(generator.integers(4))]
        case _:
            count = generator.integers(1, 5)
            return {f"layer.{n}": random_tree(generator, tensors, depth - 1) for n in range(count)}


def random_file(form: str, generator: np.random.Generator) -> bytes:
    """A file as the usual program writes it."""
    buffer = io.BytesIO()
    if form.startswith("torch"):
        protocol, tensors = int(generator.integers(2, 6)), list[Tensor]()
        tree = {"w": random_tree(generator, tensors), "more": random_tree(generator, tensors)}
        zipped = form == "torch"
        torch.save(tree, buffer, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        return buffer.getvalue()
    named = {f"t.{n}": random_tensor(generator).detach() for n in range(generator.integers(1, 6))}
    if form == "safetensors":
        plain = {name: value.contiguous().clone() for name, value in named.items()}
        return safetensors.torch.save({n: v for n, v in plain.items() if v.dtype != torch.complex128})
    # Whole numbers without axes are plain values here, and tested elsewhere.
    arrays: dict[str, Any] = {n: v.numpy() for n, v in named.items() if v.dtype != torch.bfloat16 and v.ndim}
    (np.savez_compressed if form == "npz_compressed" else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def usual(form: str, content: bytes) -> Numbers:
    """What the usual reader of a format finds, by the keys that lead there."""
    if form == "safetensors":
        return numbers_of(safetensors.torch.load(content))
    if form.startswith("npz"):
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return numbers_of({name: torch.from_numpy(np.array(found[name])) for name in found.files})
    # The careful reader of torch knows no protocol above 3; these files are our own.
    return numbers_of(torch.load(io.BytesIO(content), weights_only=False))


def numbers_of(tree: Any, path: tuple[Any, ...] = ()) -> Numbers:
    if isinstance(tree, Tensor):
        flat = tree.detach().clone(memory_format=torch.contiguous_format).reshape(-1)
        bits = flat.view(torch.uint8).numpy().tobytes() if len(flat) else b""
        return {path: (str(tree.dtype).removeprefix("torch."), tuple(tree.shape), bits)}
    pairs = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else ()
    return {key: value for name, part in pairs for key, value in numbers_of(part, (*path, name)).items()}


def ours(content: bytes) -> Numbers:
    entries = decode(content, max_bytes=MAX_BYTES).entries
    return {
        entry.path: (entry.value.dtype, entry.value.shape, bytes(entry.value.data))
        for entry in entries
        if isinstance(entry.value, RawTensor)
    }


def compare(*, files: int, seed: int) -> int:
    """Make and read `files` files; gives the number of tensors that were compared.

    Raises:
        AssertionError: a tensor differs, is missing, or is there once too often.
    """
    generator, tensors = np.random.default_rng(seed), 0
    for index in range(files):
        form = FORMS[index % len(FORMS)]
        content = random_file(form, generator)
        expected = usual(form, content)
        assert ours(content) == expected, (
            f"file {index} of seed {seed}, of the form {form}, is read differently"
        )
        tensors += len(expected)
    return tensors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.monotonic()
    tensors = compare(files=options.files, seed=options.seed)
    seconds = time.monotonic() - start
    print(
        f"{options.files:,} files, {tensors:,} tensors, all bit-equal to the usual readers', {seconds:.0f} s"
    )


if __name__ == "__main__":
    main()
