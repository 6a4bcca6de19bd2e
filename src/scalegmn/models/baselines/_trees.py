"""Boosted trees that were grown elsewhere, as tensors: the same answers wherever they are loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from scalegmn.configuration import Count, Natural, Reconstructible
from scalegmn.errors import CheckpointError, ConfigurationError

_AT_ONCE: Final = 2**20
"""Trees times networks that are followed at the same time."""

_IMPOSSIBLE: Final = -1e300
"""Start of the sum of a class that no training network has: its probability is exactly 0."""

_LEAF: Final = -1.0


@final
class BoostedTrees(nn.Module, Reconstructible):
    r"""Sums of the values of leaves.

    .. math:: y_k = b_k + \sum_t v(\text{leaf of tree } t_k \text{ that } x \text{ falls into})

    Every inner node asks whether one feature is at most a threshold, and goes left where it is.  All tensors
    are in float64 on the CPU, where :meth:`to` leaves them: thresholds lie between neighboring numbers of
    float32.  Sums are made in the order of the trees, so answers are the same to the last bit everywhere.

    Args:
        features: F, numbers about a network.
        outputs: K, sums.
        nodes: of all trees together.
        rounds: T, trees of each output.

    Raises:
        CheckpointError: loaded tensors are no trees: every node has to be the root of one tree or come after
            the one node whose child it is, and ask for one of the features.
    """

    nodes: Tensor
    """``(nodes, 4)``: the feature, or -1 for leaves; the node to the left and to the right, or -1; the
    threshold, or the value of a leaf."""
    roots: Tensor
    """``(T, K)``, nodes."""
    start: Tensor
    """``(K,)``."""

    def __init__(self, *, features: Count, outputs: Count, nodes: Natural = 0, rounds: Natural = 0) -> None:
        super().__init__()
        self.features, self.outputs = features, outputs
        self.register_buffer("nodes", torch.full((nodes, 4), _LEAF, dtype=torch.float64))
        self.register_buffer("roots", torch.zeros(rounds, outputs, dtype=torch.float64))
        self.register_buffer("start", torch.zeros(outputs, dtype=torch.float64))
        self.register_load_state_dict_post_hook(_check_loaded)

    @classmethod
    def from_scikit_learn(
        cls, model: Any, *, features: int, outputs: int, classes: Sequence[int] = ()
    ) -> BoostedTrees:
        """The trees of a fitted ``HistGradientBoostingRegressor`` or ``HistGradientBoostingClassifier``.

        Args:
            model: fitted to numbers, not to categories.
            features: F.
            outputs: K.
            classes: the class of each sum of the model; of two classes, it has the sum of the second alone.
                Empty: sums are outputs.  Outputs without a class become impossible.

        Raises:
            ConfigurationError: this scikit-learn keeps its trees in another way.
        """
        columns = list(classes)[-1:] if len(classes) == 2 else list(classes) or list(range(outputs))
        try:
            trees = [
                [
                    _table(trees[columns.index(k)].nodes) if k in columns else _constant()
                    for k in range(outputs)
                ]
                for trees in model._predictors
            ]
            found = torch.from_numpy(np.array(model._baseline_prediction, dtype=np.float64)).flatten()
        except (AttributeError, ValueError, IndexError, TypeError) as error:
            raise ConfigurationError(
                f"boosting: this version of scikit-learn does not say what trees it has grown ({error}), "
                "expected their nodes as in version 1.9; install that one"
            ) from error
        tables = [table for one_round in trees for table in one_round]
        sizes = torch.tensor([len(table) for table in tables])
        first = sizes.cumsum(0) - sizes
        own = cls(features=features, outputs=outputs, nodes=int(sizes.sum()), rounds=len(trees))
        for table, offset in zip(tables, first, strict=True):
            table[:, 1:3] += torch.where(table[:, :1] >= 0, offset, 0)
        own.nodes.copy_(torch.cat(tables))
        own.roots.copy_(first.view(-1, outputs))
        own.start.fill_(_IMPOSSIBLE if len(classes) else 0.0)
        own.start[list(classes)] = 0.0
        own.start[columns] = found
        own.check()
        return own

    def forward(self, x: Float[Tensor, "B F"]) -> Float[Tensor, "B K"]:
        """The sums, in float64; NaN for rows that hold numbers that are not finite."""
        rows = x.detach().double().cpu()
        count = max(1, _AT_ONCE // max(1, self.roots.numel()))
        sums = torch.cat([self._sums(part) for part in rows.split(count)])
        # A comparison with NaN has an answer like others; what has no features has none.
        return sums.masked_fill(~torch.isfinite(rows).all(dim=1, keepdim=True), torch.nan)

    def check(self) -> None:
        """Raise a CheckpointError where the tensors are no trees."""
        features, left, right, _ = self.nodes.unbind(1)
        inner = features >= 0
        own = torch.arange(len(features), dtype=torch.float64)
        entered = torch.cat([left[inner], right[inner], self.roots.flatten()])
        later = (left[inner] > own[inner]) & (right[inner] > own[inner])
        asked = ((features == features.round()) & (features < self.features))[inner]
        if not (torch.equal(entered.sort().values, own) and later.all() and asked.all()):
            raise CheckpointError(
                f"trees: {len(own)} nodes are not {self.roots.numel()} trees that ask for {self.features} "
                "features; save the model again, or train it"
            )
        if not all(torch.isfinite(tensor).all() for tensor in (self.nodes, self.start)):
            raise CheckpointError("trees: thresholds or values are not finite; train the model again")

    def arguments(self) -> Mapping[str, Any]:
        return {
            "features": self.features,
            "outputs": self.outputs,
            "nodes": len(self.nodes),
            "rounds": len(self.roots),
        }

    def _apply(self, fn: Any, recurse: bool = True) -> BoostedTrees:
        """Nothing: neither another precision nor another device."""
        return self

    def _sums(self, rows: Float[Tensor, "b F"]) -> Float[Tensor, "b K"]:
        features, left, right = self.nodes[:, :3].long().unbind(1)
        numbers, trees = self.nodes[:, 3], self.roots.numel()
        places = self.roots.long().flatten().repeat(len(rows))
        own = torch.arange(len(rows)).repeat_interleave(trees)
        # Only those go on that are not at a leaf, so the work is no more than there are nodes.
        moving = self._inner(places, features, torch.arange(len(places)))
        while len(moving):
            nodes = places[moving]
            low = rows[own[moving], features[nodes]] <= numbers[nodes]
            places[moving] = torch.where(low, left[nodes], right[nodes])
            moving = self._inner(places, features, moving)
        total = self.start.expand(len(rows), -1)
        for values in numbers[places].view(len(rows), *self.roots.shape).unbind(1):
            total = total + values
        return total

    @staticmethod
    def _inner(
        places: Int[Tensor, "n"], features: Int[Tensor, "nodes"], some: Int[Tensor, "m"]
    ) -> Int[Tensor, "k"]:
        """Select the samples in `some` whose node is not a leaf."""
        return some[features[places[some]] >= 0]


def _check_loaded(module: BoostedTrees, _keys: object) -> None:
    module.check()


def _constant() -> Float[Tensor, "1 4"]:
    """A tree that adds nothing."""
    return torch.tensor([[_LEAF, _LEAF, _LEAF, 0.0]], dtype=torch.float64)


def _table(nodes: np.ndarray) -> Float[Tensor, "n 4"]:
    """One tree of scikit-learn."""
    leaf = nodes["is_leaf"].astype(bool)
    columns = [np.where(leaf, _LEAF, nodes[name]) for name in ("feature_idx", "left", "right")]
    columns.append(np.where(leaf, nodes["value"], nodes["num_threshold"]))
    return torch.from_numpy(np.stack(columns, axis=1).astype(np.float64))
