"""Random symmetries of a network, and their action on its parameters and on tensors of every law.

``w_ij -> q_i w_ij / q_j**d_j``, ``b_i -> q_i b_i + k_i pi / frequency_i``, outgoing weights of a shifted
sine neuron times ``(-1)**k``, and then hidden neurons move to the places given by a permutation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from scalegmn.errors import SymmetryError
from scalegmn.networks import CONSTANT, Architecture, EdgeType, Role, Topology, topology_of
from scalegmn.shapes import Parameters
from scalegmn.symmetry._groups import Group, SinePhase, Trivial, group_of
from scalegmn.symmetry._laws import Law
from scalegmn.symmetry._ties import tied_neurons


@dataclass(frozen=True, eq=False)
class Element:
    """One symmetry of an architecture with V neurons.

    Attributes:
        scale: the factor ``q_i`` of every neuron, ``(V,)`` float64; 1 for inputs and outputs.
        phase: the whole number ``k_i`` of half periods added to a sine neuron's bias, ``(V,)``.
        permutation: neuron i moves to place ``permutation[i]`` of its layer's list, ``(V,)``.
    """

    scale: Tensor
    phase: Tensor
    permutation: Tensor


class SymmetryAction:
    r"""The symmetries of one architecture: changes of its parameters that leave the function the same.

    An element is a factor ``q_i`` from the group of every hidden neuron (signs, positive scales, or both), a
    number ``k_i`` of half periods for sine neurons, and a permutation of hidden neurons; with d the degree of
    homogeneity,

    .. math::

        w_{ij} \to \frac{q_i}{q_j^{d_j}} w_{ij}, \qquad b_i \to q_i b_i + k_i \pi / \omega_i

    and outgoing weights of a neuron with odd ``k_i`` change their sign.

    Args:
        architecture: whose symmetries these are.

    Shapes: parameters ``(*batch, P)``; elements hold tensors ``(V,)`` for V neurons.

    Law: ``run(architecture, apply(theta, element), x) == run(architecture, theta, x)`` for all inputs x.

    Source: Kalogeropoulos et al. 2024; Godfrey et al., "On the Symmetries of Deep Learning Models
    and their Internal Representations", NeurIPS 2022.

    Example:
        >>> import torch
        >>> from scalegmn import Activation, SymmetryAction, mlp
        >>> from scalegmn.networks import run
        >>> network = mlp(widths=(2, 8, 8, 1), activations=[Activation("relu"), Activation("tanh")])
        >>> action = SymmetryAction(network)
        >>> theta = torch.randn(5, network.num_parameters, dtype=torch.float64)
        >>> element = action.draw(generator=torch.Generator().manual_seed(0))
        >>> moved = action.apply(theta, element)
        >>> torch.allclose(moved, theta)
        False
        >>> x = torch.randn(7, 2, dtype=torch.float64)
        >>> torch.allclose(run(network, moved, x), run(network, theta, x))
        True
    """

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture.layered(reader="SymmetryAction")
        self.topology: Topology = topology_of(architecture)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The group of every neuron, as its own activation has it; trivial for inputs and outputs."""
        top = self.topology
        hidden = [
            group_of(
                stage.activate.activation,
                max_pooled=stage.max_pooled,
                biased=stage.weighted.bias and not stage.bias_diluted,
            )
            for stage in self.architecture.stages[:-1]
        ]
        by_layer = [Trivial(), *hidden, Trivial()]
        return tuple(by_layer[layer] for layer in top.node_layer.tolist())

    @cached_property
    def degree(self) -> Tensor:
        """Degree of homogeneity of every neuron's activation, ``(V,)`` float64."""
        return torch.tensor([group.degree for group in self.groups], dtype=torch.float64)

    @cached_property
    def half_period(self) -> Tensor:
        """``pi / frequency`` of every sine neuron that has a phase, 0 elsewhere, ``(V,)`` float64."""
        periods = [group.half_period if isinstance(group, SinePhase) else 0.0 for group in self.groups]
        return torch.tensor(periods, dtype=torch.float64)

    @cached_property
    def free(self) -> Tensor:
        """Neurons whose factor and phase depend on no other: hidden and not tied by a skip, ``(V,)``."""
        sizes = torch.bincount(self._component, minlength=self.topology.num_nodes)[self._component]
        return (sizes == 1) & (self.topology.node_role == int(Role.hidden))

    @cached_property
    def _component(self) -> Tensor:
        return tied_neurons(self.topology)

    def identity(self) -> Element:
        """The symmetry that changes nothing."""
        nodes = self.topology.num_nodes
        return Element(
            torch.ones(nodes, dtype=torch.float64), torch.zeros(nodes, dtype=torch.long), torch.arange(nodes)
        )

    def draw(
        self,
        *,
        generator: torch.Generator,
        spread: float = 1e3,
        permute: bool = True,
        rescale: bool = True,
        shift_phase: bool = False,
    ) -> Element:
        """A random symmetry.  Neurons tied by skip connections share the factor and move together.

        Neurons at a grouped convolution are rescaled but not permuted (only some of their permutations
        are symmetries).

        Args:
            generator: source of randomness.
            spread: positive scales are log-uniform in ``[1/spread, spread]``.
            permute, rescale, shift_phase: which parts of the group to draw from.
        """
        identity = self.identity()
        phase = torch.randint(-3, 4, identity.phase.shape, generator=generator)
        movable = (self.half_period > 0) & self.free
        return Element(
            scale=self._draw_scale(generator, spread) if rescale else identity.scale,
            phase=torch.where(movable, phase, 0) if shift_phase else identity.phase,
            permutation=self._draw_permutation(generator) if permute else identity.permutation,
        )

    def _draw_scale(self, generator: torch.Generator, spread: float) -> Tensor:
        """Draws for each tied component from the intersection of its neurons' groups."""
        component = self._component
        nodes = self.topology.num_nodes
        sign = torch.tensor([group.has_sign for group in self.groups])
        scale = torch.tensor([group.has_scale for group in self.groups])
        # The output of a power of ReLU scales as q**d, so it cannot share q with what it is tied to.
        scale &= (self.degree == 1) | self.free
        ones = torch.ones(nodes, dtype=torch.long)
        sign_all = ones.scatter_reduce(0, component, sign.long(), "amin").bool()
        scale_all = ones.scatter_reduce(0, component, scale.long(), "amin").bool()
        q = torch.ones(nodes, dtype=torch.float64)
        log_q = (2 * torch.rand(nodes, generator=generator, dtype=torch.float64) - 1) * torch.tensor(
            spread
        ).log()
        flips = torch.randint(0, 2, (nodes,), generator=generator).bool()
        q = torch.where(scale_all, log_q.exp(), q)
        q = torch.where(sign_all & flips, -q, q)
        return q[component]

    def _draw_permutation(self, generator: torch.Generator) -> Tensor:
        """Permutes components that join the same layers in the same way among each other."""
        top = self.topology
        permutation = torch.arange(top.num_nodes)
        fixed = (top.node_role != int(Role.hidden)) | top.pinned
        members: dict[int, list[int]] = {}
        for node, component in enumerate(self._component.tolist()):
            members.setdefault(component, []).append(node)
        skips: dict[int, list[tuple[int, int]]] = {}
        for edge in torch.nonzero(top.edge_type == int(EdgeType.skip)).squeeze(1).tolist():
            ends = (int(top.node_layer[top.source[edge]]), int(top.node_layer[top.target[edge]]))
            skips.setdefault(int(self._component[top.source[edge]]), []).append(ends)
        alike: dict[tuple[object, ...], list[list[int]]] = {}
        for component, nodes in members.items():
            if not fixed[nodes].any():
                shape = (tuple(top.node_layer[nodes].tolist()), tuple(sorted(skips.get(component, ()))))
                alike.setdefault(shape, []).append(nodes)
        for components in alike.values():
            order = torch.randperm(len(components), generator=generator).tolist()
            for nodes, place in zip(components, order, strict=True):
                permutation[nodes] = torch.tensor(components[place])
        return permutation

    def check(self, element: Element) -> None:
        """Check that `element` is a symmetry of this architecture.

        Raises:
            SymmetryError: a factor or phase that is not in its neuron's group, neurons tied by a skip
                connection that are treated differently, or a permutation that moves a neuron out of its
                layer or moves an input or output; names the first such neuron.
        """
        top = self.topology
        shapes = [tuple(part.shape) for part in (element.scale, element.phase, element.permutation)]
        if set(shapes) != {(top.num_nodes,)}:
            raise SymmetryError(
                f"scale, phase and permutation have shapes {shapes}, expected ({top.num_nodes},)"
            )
        for group in dict.fromkeys(self.groups):
            members = torch.tensor([other == group for other in self.groups])
            outside = members & ~group.contains(element.scale)
            if outside.any():
                number = int(outside.nonzero()[0])
                factor = element.scale[number].item()
                raise self._misfit(number, f"has the factor {factor!r}", f"the group {group}")
        shifted = (element.phase != 0) & ~((self.half_period > 0) & self.free)
        if shifted.any():
            raise self._misfit(
                int(shifted.nonzero()[0]), "is shifted in phase", "no phase that is free to shift"
            )
        skips = top.edge_type == int(EdgeType.skip)
        torn = skips & (self._edge_factor(element) != 1)
        if torn.any():
            edge = int(torn.nonzero()[0])
            raise self._misfit(
                int(top.target[edge]), "is multiplied alone", f"a tie to {int(top.source[edge])}"
            )
        to = element.permutation
        if not torch.equal(to.sort().values, torch.arange(top.num_nodes)):
            raise SymmetryError(f"{to.tolist()} is no permutation of {top.num_nodes} neurons")
        fixed = (top.node_role != int(Role.hidden)) & (to != torch.arange(top.num_nodes))
        astray = fixed | (top.node_layer[to] != top.node_layer)
        if astray.any():
            number = int(astray.nonzero()[0])
            role = Role(int(top.node_role[number])).name.lower()
            raise self._misfit(number, f"moves to place {int(to[number])}", f"the role {role}")

    def _misfit(self, number: int, what: str, has: str) -> SymmetryError:
        layer = int(self.topology.node_layer[number])
        return SymmetryError(
            f"neuron {number} (layer {layer}) {what}, but has {has}; see SymmetryAction.draw"
        )

    def apply(self, theta: Parameters, element: Element) -> Parameters:
        """The parameters ``(*batch, P)`` of the transformed network(s); the function stays the same."""
        self.check(element)
        moved = torch.empty_like(theta)
        factor = self._parameter_factor(element).to(theta)
        shift = self._parameter_shift(element).to(theta)
        moved[..., self._parameter_places(element)] = theta * factor + shift
        return moved

    def apply_update(self, update: Parameters, element: Element) -> Parameters:
        """The action on updates of parameters ``(*batch, P)``: as :meth:`apply`, without shifts of phase."""
        moved = torch.empty_like(update)
        moved[..., self._parameter_places(element)] = update * self._parameter_factor(element).to(update)
        return moved

    def apply_to_nodes(self, x: Tensor, element: Element, *, law: Law) -> Tensor:
        """The action on node features ``(V, ...)`` that obey `law`."""
        if law is Law.edge:
            raise SymmetryError("node features cannot obey the edge law; expected invariant, primal or dual")
        factors = {
            Law.invariant: torch.ones_like(element.scale),
            Law.primal: element.scale,
            Law.dual: 1 / element.scale,
        }
        factor = factors[law].to(x).reshape(-1, *(1,) * (x.ndim - 1))
        moved = torch.empty_like(x)
        moved[element.permutation] = x * factor
        return moved

    def apply_to_edges(self, e: Tensor, element: Element, *, law: Law = Law.edge) -> Tensor:
        """The action on edge features ``(E, ...)`` that obey the edge law, or are invariant."""
        factor = self._edge_factor(element) if law is Law.edge else torch.ones(self.topology.num_edges)
        moved = torch.empty_like(e)
        moved[self._edge_places(element)] = e * factor.to(e).reshape(-1, *(1,) * (e.ndim - 1))
        return moved

    def _edge_factor(self, element: Element) -> Tensor:
        top = self.topology
        emitted = (
            element.scale.sign() * element.scale.abs() ** self.degree * (1.0 - 2.0 * (element.phase % 2))
        )
        return element.scale[top.target] / emitted[top.source]

    def _parameter_factor(self, element: Element) -> Tensor:
        top = self.topology
        factor = torch.ones(self.architecture.num_parameters, dtype=torch.float64)
        taps = top.tap_parameter != CONSTANT
        factor[top.tap_parameter[taps]] = self._edge_factor(element)[top.tap_edge[taps]]
        biased = top.bias_parameter != CONSTANT
        factor[top.bias_parameter[biased]] = element.scale[biased]
        return factor

    def _parameter_shift(self, element: Element) -> Tensor:
        top = self.topology
        shift = torch.zeros(self.architecture.num_parameters, dtype=torch.float64)
        biased = top.bias_parameter != CONSTANT
        shift[top.bias_parameter[biased]] = (element.phase * self.half_period)[biased]
        return shift

    def _edge_places(self, element: Element) -> Tensor:
        """For every edge the number of the edge that joins the new places of its ends."""
        top, to = self.topology, element.permutation
        nodes = top.num_nodes
        skips = (top.edge_type == int(EdgeType.skip)).long()
        old = (skips * nodes + top.target) * nodes + top.source
        new = (skips * nodes + to[top.target]) * nodes + to[top.source]
        ordered, order = old.sort()
        found = torch.searchsorted(ordered, new).clamp(max=old.numel() - 1)
        if not torch.equal(ordered[found], new):
            raise SymmetryError("the permutation moves an edge to where the architecture has none")
        return order[found]

    def _parameter_places(self, element: Element) -> Tensor:
        """For every parameter its number after the permutation."""
        top = self.topology
        places = torch.arange(self.architecture.num_parameters)
        counts = top.edge_taps
        starts = counts.cumsum(0) - counts
        within = torch.arange(top.tap_edge.numel()) - starts[top.tap_edge]
        to_tap = starts[self._edge_places(element)[top.tap_edge]] + within
        taps = top.tap_parameter != CONSTANT
        places[top.tap_parameter[taps]] = top.tap_parameter[to_tap[taps]]
        for owned in (top.bias_parameter, top.slope_parameter):
            has = owned != CONSTANT
            places[owned[has]] = owned[element.permutation[has]]
        return places
