# %% [markdown]
# # Write a layer by hand and check it
#
# A message passing layer that respects scales, written in fifty lines of PyTorch from its
# equations, checked in three lines, and broken on purpose: ten seconds.

# %%
import torch
from torch import nn

from scalegmn.reports import draw_function_kept
from scalegmn.seeding import generator
from scalegmn.testing import (
    WeightLists,
    assert_equivariant,
    assert_invariant,
    randomize,
    symmetry_error,
)

# %% tags=["parameters"]
features = 8  # of each neuron and each weight
networks = 4  # that each check draws

# %% [markdown]
# ## The law
#
# In a network with ReLU, multiply everything that enters neuron $i$ by $q_i > 0$ and divide
# everything that leaves it by $q_i$: the function stays. Features of neurons and of weights have to
# transform as biases and weights do,
#
# $$x_i \to q_i\, x_i, \qquad e_{ij} \to \frac{q_i}{q_j}\, e_{ij}.$$
#
# ## The parts
#
# Three equations of the paper (section 5.1), one class each. A direction, $x / \lVert x \rVert$,
# does not see the factor, so any MLP of it is invariant; a linear map times something invariant
# keeps the factor; and in a product of two linear maps the factors multiply.


# %%
def mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 16), nn.SiLU(), nn.Linear(16, outputs))


def direction(x):
    norm = x.norm(dim=-1, keepdim=True)
    return torch.where(norm > 0, x / norm, x)


class ScaleInv(nn.Module):  # rho(x / |x|)
    def __init__(self, inputs, outputs):
        super().__init__()
        self.rho = mlp(inputs, outputs)

    def forward(self, x):
        return self.rho(direction(x))


class ScaleEq(nn.Module):  # (W x) * ScaleInv(x)
    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.invariant = ScaleInv(inputs, outputs)

    def forward(self, x):
        return self.linear(x) * self.invariant(x)


class ReScaleEq(nn.Module):  # (W1 x) * (W2 e)
    def __init__(self, inputs, outputs):
        super().__init__()
        self.of_neuron = nn.Linear(inputs, outputs, bias=False)
        self.of_weight = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x, e):
        return self.of_neuron(x) * self.of_weight(e)


# %% [markdown]
# ## The layer
#
# $$m_i = \sum_j \mathrm{ScaleEq}\big(\mathrm{ReScaleEq}(x_j, e_{ij})\big), \qquad
# x'_i = \mathrm{ScaleEq}\big([x_i, m_i]\big), \qquad
# e'_{ij} = W_3\, e_{ij} \odot \rho\big(\mathrm{ScaleInv}(x_i), \mathrm{ScaleInv}(x_j)\big).$$
#
# In the message the factors of $x_j$ and $e_{ij}$ make $q_j \cdot q_i / q_j = q_i$, which is what
# $x_i$ has: so the two may stand side by side. The layer reads lists of weights `(B, outputs,
# inputs, features)` and biases `(B, outputs, features)`, one of each per layer of the networks.
# Input neurons have no bias and no factor; they start from a learned vector.


# %%
class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.start = nn.Parameter(torch.randn(width))
        self.rescale, self.message, self.update = (
            ReScaleEq(width, width),
            ScaleEq(width, width),
            ScaleEq(2 * width, width),
        )
        self.edge, self.invariant = nn.Linear(width, width, bias=False), ScaleInv(width, width)
        self.both_ends = mlp(2 * width, width)

    def forward(self, weights, biases):
        batch, _, inputs, _ = weights[0].shape
        before = self.start.expand(batch, inputs, -1)
        new_weights, new_biases = [], []
        for e, x in zip(weights, biases, strict=True):
            messages = self.message(self.rescale(before[:, None], e))
            new_biases.append(self.update(torch.cat([x, messages.sum(2)], dim=-1)))
            ends = (
                self.invariant(x)[:, :, None].expand_as(e),
                self.invariant(before)[:, None].expand_as(e),
            )
            new_weights.append(self.edge(e) * self.both_ends(torch.cat(ends, dim=-1)))
            before = x
        return new_weights, new_biases


# %% [markdown]
# ## The check
#
# `randomize` gives the layer weights like those of a trained one; the check draws networks, moves
# them by random factors and permutations of their hidden neurons, and compares the layer's output
# for the moved networks with the moved output.

# %%
layer = randomize(Layer(features), generator=generator(0)).double()
given = WeightLists.random(
    (2, 16, 16, 3), activations="relu", features=features, count=networks, generator=generator(1)
)
report = assert_equivariant(layer, given, generator=generator(2))
print(report)

# %% [markdown]
# ## Errors
#
# Each of these looks innocent and is not equivariant. The check gives the size of the error.


# %%
class SmallConstant(ScaleInv):
    """Divides by the norm plus a constant, so that nothing is ever divided by 0."""

    def forward(self, x):
        return self.rho(x / (x.norm(dim=-1, keepdim=True) + 0.01))


class WithBias(nn.Linear):
    """A linear map with a bias, as `nn.Linear` has by default."""

    def forward(self, x):
        return super().forward(x) + 0.1


class Backwards(ReScaleEq):
    """Sends features over weights that were turned around: divides instead of multiplying."""

    def forward(self, x, e):
        return super().forward(x, 1 / e)


def broken(part, mistake):
    wrong = randomize(Layer(features), generator=generator(0))
    setattr(wrong, part, mistake)
    return randomize(wrong, generator=generator(0)).double()


mistakes = {
    "a small constant below": broken("invariant", SmallConstant(features, features)),
    "a bias": broken("edge", WithBias(features, features, bias=False)),
    "weights turned around": broken("rescale", Backwards(features, features)),
}
print(f"{'as it should be':24s} {symmetry_error(layer, given, generator=generator(2)):.1e}")
for name, wrong in mistakes.items():
    error = symmetry_error(wrong, given, generator=generator(2))
    print(f"{name:24s} {error:.1e}")
    assert error > 1e-4

# %% [markdown]
# ## A model
#
# Two layers and a mean of invariants over hidden neurons: a metanetwork that gives the same output
# for all networks of one function.


# %%
class Model(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.lift = nn.Linear(1, width, bias=False)
        self.first, self.second = Layer(width), Layer(width)
        self.invariant, self.head = ScaleInv(width, width), nn.Linear(width, outputs)

    def forward(self, weights, biases):
        weights, biases = [self.lift(w) for w in weights], [self.lift(b) for b in biases]
        weights, biases = self.second(*self.first(weights, biases))
        hidden = torch.cat(biases[:-1], dim=1)
        return self.head(self.invariant(hidden).mean(1))


model = randomize(Model(features, 4), generator=generator(3)).double()
plain = WeightLists.random(
    (2, 16, 16, 3), activations="relu", count=networks, generator=generator(4)
)
print(assert_invariant(model, plain, generator=generator(5)))

# %% [markdown]
# A picture of the same: weights of networks before and after a rescaling by hand, and what the
# model says about both.

# %%
widths = ((16, 2), (16, 16), (3, 16))
rng = generator(6)
weights = [
    torch.randn(networks, *shape, 1, generator=rng, dtype=torch.float64) for shape in widths
]
biases = [
    torch.randn(networks, shape[0], 1, generator=rng, dtype=torch.float64) for shape in widths
]
q = torch.rand(16, generator=rng, dtype=torch.float64) * 4 + 0.25
moved_weights = [weights[0] * q[:, None, None], weights[1] / q[:, None], weights[2]]
moved_biases = [biases[0] * q[:, None], *biases[1:]]
with torch.no_grad():
    before, after = model(weights, biases), model(moved_weights, moved_biases)
assert torch.allclose(before, after, rtol=1e-12, atol=1e-12)
draw_function_kept(
    {
        "weights of the first layer": (weights[0], moved_weights[0]),
        "outputs of the model": (before, after),
    },
    title="Other weights, the same answer",
)

# %% [markdown]
# **Next.** The layer of the library has more: messages in both directions, signs and
# phases, activations that differ within a network. [The layer](../docs/the_layer.md) writes all of
# it by hand and finds the numbers of `scalegmn.nn.ScaleMessagePassing`;
# [testing](../docs/testing.md) says what a check does, for networks in any form.
