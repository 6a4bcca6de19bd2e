"""Parameters under unknown names, told by their shapes where these leave one way only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scalegmn.networks.recognition._names import natural_key, stem_and_leaf

Shape = tuple[int, ...]
Layout = tuple[tuple[str, Shape], ...]


def match_by_shape(
    own: Mapping[str, Shape], layout: Layout, *, ordered: bool
) -> tuple[dict[str, str], str] | None:
    """The only way to give the parameters of a layout the tensors of a file.

    All shapes must differ, or the file must keep its tensors in the order of the layout.  Even then names may
    contradict: a weight and the bias of its layer belong to one owner, and numbers in names tell an order.
    And programs that store weights the other way round, ``(in, out)``, must not fit as well, unless names or
    biases show that this one does not.

    Args:
        own: shapes by the names in the file, in its order.
        layout: names and shapes of the parameters of an architecture, in order.
        ordered: whether the file's order means something.

    Returns:
        Names in the layout to names in the file, and in words by what; None for no way, or several.
    """
    shapes = list(own.values())
    wanted = [shape for _, shape in layout]
    if sorted(wanted) != sorted(shapes):
        return None
    if len(set(shapes)) == len(shapes):
        place = {shape: name for name, shape in own.items()}
        names, how = {name: place[shape] for name, shape in layout}, "their shapes, which are all different"
    elif ordered and wanted == shapes:
        names = {name: theirs for (name, _), theirs in zip(layout, own, strict=True)}
        how = "their shapes in the order of the file"
        if not _numbers_agree(own):
            return None
    else:
        return None
    fits = _owners_agree(names) and (not _may_be_turned(own, wanted) or _shows_its_way(own, names))
    return (names, how) if fits else None


def _owners_agree(names: Mapping[str, str]) -> bool:
    """Whether parameters of one owner in the file have one owner in the layout, and keep what they are."""
    owners: dict[str, set[str]] = {}
    for name, own in names.items():
        stem, leaf = stem_and_leaf(own)
        owner, what = stem_and_leaf(name)
        if leaf in ("weight", "bias") and leaf != what:
            return False
        if stem:
            owners.setdefault(stem, set()).add(owner)
    shared = [stem for stem, found in owners.items() if len(found) > 1]
    # A common owner of all tensors, such as a container, says nothing.
    return not shared or len(owners) == 1


def _numbers_agree(own: Mapping[str, Shape]) -> bool:
    """Whether tensors of equal shapes come in the order of the numbers in their names."""
    alike: dict[Shape, list[str]] = {}
    for name, shape in own.items():
        alike.setdefault(shape, []).append(name)
    return all(names == sorted(names, key=natural_key) for names in alike.values())


def _may_be_turned(own: Mapping[str, Shape], wanted: Sequence[Shape]) -> bool:
    """Whether the layout also fits if all weights of the file are stored the other way round."""
    return sorted(map(_turned, own.values())) == sorted(wanted)


def _turned(shape: Shape) -> Shape:
    if len(shape) == 2:
        return shape[::-1]
    # (height, width, in, out), as TensorFlow and JAX have it.
    return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else shape


def _shows_its_way(own: Mapping[str, Shape], names: Mapping[str, str]) -> bool:
    """Whether names say so (``weight`` is PyTorch's word), or a bias has as many numbers as its weight has
    rows and not as many as it has columns."""
    weights = {theirs for name, theirs in names.items() if stem_and_leaf(name)[1] == "weight"}
    if all(stem_and_leaf(name)[1] == "weight" for name in weights):
        return True
    return any(shape[0] == size != shape[1] for shape, size in _with_bias(own, weights))


def _with_bias(own: Mapping[str, Shape], weights: set[str]) -> Iterator[tuple[Shape, int]]:
    """Weights of rank 2 with the size of the bias that the file keeps at the same owner."""
    for name, shape in own.items():
        stem = stem_and_leaf(name)[0]
        if name in weights and len(shape) == 2 and stem:
            biases = [s[0] for n, s in own.items() if len(s) == 1 and stem_and_leaf(n)[0] == stem]
            if len(biases) == 1:
                yield shape, biases[0]
