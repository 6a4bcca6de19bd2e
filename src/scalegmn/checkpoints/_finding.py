"""Which tensors of a file are the parameters of a network, and which are company.

A network is a dictionary with tensors of floating-point numbers directly in it, under names.  States of
optimizers and of random generators are company that every training program saves; all other numbers that
belong to no network are named, so that nobody takes them for evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from scalegmn.checkpoints._contents import UNKNOWN_ARRAY, Contents, ContentsEntry, Opaque, RawTensor
from scalegmn.errors import CheckpointError, UnsafeCheckpointError

Path = tuple[str | int, ...]
TOP: Final = "."
"""What the option that chooses a network calls the top of a file."""

FLOATING: Final = frozenset(
    {"float16", "bfloat16", "float32", "float64", "complex64", "complex128"}
    | {"float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"}
)
"""Types of numbers that parameters have; those that are not read are refused by name."""

# States of generators are arrays of whole numbers under such names; those of CUDA have 16, the largest usual
# ones 5056.
_RANDOM: Final = re.compile(r"rng|random|seed_generator", re.IGNORECASE)
_MOST_RANDOM: Final = 8192
# Put before or between names by wrappers of modules; no part of the network's own names.
_WRAPPER_PARTS: Final = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
_LEADING_PART: Final = "module"
# Wrappers are seldom nested; a name made of nothing else must not take long.
_MOST_LEADING: Final = 4
# What a network calls its parameters, and no optimizer its states.
_NETWORK_NAMES: Final = frozenset({"weight", "bias", "kernel"})
MOST_NETWORKS: Final = 64
"""Files that hold more networks are not read whole."""

_SHOWN: Final = 8


@final
@dataclass(frozen=True, eq=False)
class FoundNetwork:
    """A network in a file.

    Attributes:
        path: of the dictionary that holds it.
        entries: what lies directly in it, by place among the entries of the file.
    """

    path: Path
    entries: tuple[int, ...]


def find_networks(contents: Contents) -> tuple[FoundNetwork, ...]:
    """All networks of a file, in its order."""
    company = optimizer_states(contents)
    owners: dict[Path, None] = {}
    for entry in contents.entries:
        if _is_weight(entry) and isinstance(entry.path[-1], str) and not lies_under(entry.path, company):
            owners.setdefault(entry.path[:-1])
    members: dict[Path, list[int]] = {path: [] for path in owners}
    for place, entry in enumerate(contents.entries):
        if entry.inside is None and entry.path and entry.path[:-1] in members:
            members[entry.path[:-1]].append(place)
    return tuple(FoundNetwork(path, tuple(places)) for path, places in members.items())


def choose_network(contents: Contents, networks: Sequence[FoundNetwork], key: str | None) -> FoundNetwork:
    """The network that is meant.

    Args:
        contents: of the file.
        networks: all that are in it.
        key: where it lies, with dots between keys; ``.`` is the top; None where there is one only.

    Raises:
        CheckpointError: there is none, or several and no key that chooses one.
    """
    if key is not None:
        chosen = [found for found in networks if shown_path(found.path) == key]
        if len(chosen) == 1:
            return chosen[0]
        raise CheckpointError(
            f"no network lies under the key {key!r}; tensors lie under {_listed(networks)}; give one of "
            "these as the key"
            if networks
            else f"no network lies under the key {key!r}; {_company(contents)}"
        )
    # Means, losses and the like beside a network are vectors; every network has a matrix.
    matrices = [found for found in networks if _has_matrix(contents, found)]
    if len(networks) == 1 or len(matrices) == 1:
        return (networks if len(networks) == 1 else matrices)[0]
    if networks:
        raise CheckpointError(
            f"tensors lie under {_listed(networks)}, so it is not clear which are the network's; choose one "
            "by its key (--key on the command line; '.' is the top)"
        )
    inside = next(
        (e for e in contents.entries if e.inside is not None and isinstance(e.value, RawTensor)), None
    )
    if inside is not None:
        raise UnsafeCheckpointError(
            f"the weights lie inside an object of {inside.inside}, which only code can make, so Python would "
            "have to run it; nothing ran; save only the weights where it was made: "
            "torch.save(module.state_dict(), 'weights.pt')"
        )
    for entry in contents.entries:
        match entry.value:
            case RawTensor(shape=(_, _, *_), dtype=dtype) if dtype not in FLOATING:
                raise CheckpointError(
                    f"the tensor {str(entry.path[-1])!r} is of the kind {dtype}, and none is of real "
                    "numbers; expected the weights before they were quantized; save these, or use "
                    ".dequantize()"
                )
    raise CheckpointError(
        f"no tensors found; {_company(contents)}; expected a state dict of tensors by name; save "
        "module.state_dict()"
    )


def optimizer_states(contents: Contents) -> frozenset[Path]:
    """Where states of optimizers lie, each by the number of its parameter.

    They lie under ``state``, a number and a name, beside ``param_groups`` or below a key that speaks of an
    optimizer.  Names such as those of a network's parameters are none of a state, however deep they lie.
    """
    groups = {e.path[: e.path.index("param_groups")] for e in contents.entries if "param_groups" in e.path}
    found: dict[Path, bool] = {}
    for entry in contents.entries:
        speaks = False
        for place, part in enumerate(entry.path[:-2]):
            numbered = part == "state" and isinstance(entry.path[place + 1], int)
            if numbered and (speaks or entry.path[:place] in groups):
                names = map(str, entry.path[place + 2 :])
                state = entry.path[: place + 2]
                own = not any("." in name or name in _NETWORK_NAMES for name in names)
                found[state] = found.get(state, True) and own
                break
            speaks = speaks or (isinstance(part, str) and "optim" in part.lower())
    return frozenset(state for state, known in found.items() if known)


def unread_numbers(contents: Contents, taken: frozenset[int]) -> tuple[str, ...]:
    """Where numbers lie that are not among those `taken`, except the usual company of a training.

    Single numbers and empty tensors are no networks, and are left out.
    """
    company = optimizer_states(contents)
    found = []
    for place, entry in enumerate(contents.entries):
        held = isinstance(entry.value, Opaque) and entry.value.numbers
        array = isinstance(entry.value, RawTensor) and bool(entry.value.shape) and entry.value.nbytes > 0
        known = place in taken or lies_under(entry.path, company) or _is_random_state(entry)
        if (held or array) and not known:
            found.append(shown_path(entry.path))
    return tuple(dict.fromkeys(found))


def own_names(names: Sequence[str]) -> dict[str, str]:
    """The names of a network without what wrappers of modules put into them, to the names in the file.

    ``DataParallel`` puts ``module.`` before all names, ``torch.compile`` puts ``_orig_mod.`` where a
    compiled module begins.  Names that would no longer differ are left as they are.
    """
    parts = {name: [part for part in name.split(".") if part not in _WRAPPER_PARTS] for name in names}
    for _ in range(_MOST_LEADING):
        if all(len(part) > 1 and part[0] == _LEADING_PART for part in parts.values()):
            parts = {name: part[1:] for name, part in parts.items()}
    plain = {".".join(part): name for name, part in parts.items()}
    return plain if len(plain) == len(names) and "" not in plain else {name: name for name in names}


def shown_path(path: Path) -> str:
    """Keys with dots between them; ``.`` for the top."""
    return ".".join(map(str, path)) or TOP


def lies_under(path: Path, places: frozenset[Path]) -> bool:
    """Whether a path leads through one of some places."""
    return any(path[:length] in places for length in range(1, len(path) + 1))


def _has_matrix(contents: Contents, network: FoundNetwork) -> bool:
    values = (contents.entries[place].value for place in network.entries)
    return any(
        value.numbers if isinstance(value, Opaque) else isinstance(value, RawTensor) and len(value.shape) > 1
        for value in values
    )


def _is_weight(entry: ContentsEntry) -> bool:
    value = entry.value
    if entry.inside is not None or not entry.path:
        return False
    if isinstance(value, Opaque):
        return value.numbers and value.name != UNKNOWN_ARRAY
    return isinstance(value, RawTensor) and value.dtype in FLOATING and bool(value.shape) and value.nbytes > 0


def _is_random_state(entry: ContentsEntry) -> bool:
    value = entry.value
    return (
        isinstance(value, RawTensor)
        and value.dtype not in FLOATING
        and len(value.shape) == 1
        and value.shape[0] <= _MOST_RANDOM
        and any(isinstance(part, str) and _RANDOM.search(part) for part in entry.path)
    )


def _listed(networks: Sequence[FoundNetwork]) -> str:
    shown = ", ".join(repr(shown_path(found.path)[:60]) for found in networks[:_SHOWN])
    return shown + (f" and {len(networks) - _SHOWN} more" if len(networks) > _SHOWN else "")


def _company(contents: Contents) -> str:
    tops: dict[str, str] = {}
    for entry in contents.entries:
        if not entry.path:
            name = entry.value.name if isinstance(entry.value, Opaque) else type(entry.value).__name__
            return "its entries are none" if name == "dict" else f"it holds one {name}"
        kind = type(entry.value).__name__ if len(entry.path) == 1 else "dict"
        kind = entry.value.name if isinstance(entry.value, Opaque) else kind.replace("RawTensor", "tensor")
        tops.setdefault(shown_path(entry.path[:1]), kind)
    shown = ", ".join(f"{name[:40]!r} ({kind[:40]})" for name, kind in list(tops.items())[:_SHOWN])
    more = f" and {len(tops) - _SHOWN} more" if len(tops) > _SHOWN else ""
    return f"its entries are {shown or 'none'}{more}"
