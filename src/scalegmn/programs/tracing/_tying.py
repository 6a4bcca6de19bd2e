"""Parameters that are one tensor under several names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from scalegmn.errors import ProgramError
from scalegmn.programs.foldings import Tied


def tied_names(module: nn.Module) -> dict[str, str]:
    """Names of parameters and of lasting buffers that are another one's tensor, with the first name of it.

    Counters and tables of integers are left out.

    Raises:
        ProgramError: two of them share memory without being the same tensor.
    """
    first: dict[tuple[object, ...], str] = {}
    found: dict[str, str] = {}
    spans: list[tuple[str, int, int, str]] = []
    for name, value in _state(module):
        begin, end = _span(value)
        key = (str(value.device), begin, tuple(value.shape), value.stride(), value.dtype)
        # Integers are counters or constants, and are written as they are in the file.
        if begin == end or not value.is_floating_point():
            continue
        if key in first:
            found[name] = first[key]
        else:
            first[key] = name
            spans.append((str(value.device), begin, end, name))
    _check_apart(spans)
    return found


def foldings_of(tied: Mapping[str, str]) -> list[Tied]:
    """How the parameters of a file become one each."""
    others: dict[str, list[str]] = {}
    for name, first in tied.items():
        others.setdefault(first, []).append(name)
    return [Tied(name=first, others=tuple(names)) for first, names in others.items()]


def _state(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    lasting = set(module.state_dict(keep_vars=True))
    yield from module.named_parameters(remove_duplicate=False)
    for name, value in module.named_buffers(remove_duplicate=False):
        if name in lasting:
            yield name, value


def _span(value: Tensor) -> tuple[int, int]:
    """The first byte that the entries of a tensor take, and the one behind the last."""
    if value.numel() == 0:
        return 0, 0
    reach = sum((size - 1) * stride for size, stride in zip(value.shape, value.stride(), strict=True))
    begin = value.data_ptr()
    return begin, begin + (reach + 1) * value.element_size()


def _check_apart(spans: list[tuple[str, int, int, str]]) -> None:
    previous: tuple[str, int, int, str] | None = None
    for span in sorted(spans):
        if previous is not None and previous[0] == span[0] and span[1] < previous[2]:
            raise ProgramError(
                f"{previous[3]} and {span[3]} share memory and are not the same tensor, expected parameters "
                "of their own, or the same one under both names; copy one of them (parameter.data.clone())"
            )
        if previous is None or previous[0] != span[0] or span[2] > previous[2]:
            previous = span
