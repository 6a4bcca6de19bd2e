# %% [markdown]
# # Your own ResNet's symmetries
#
# Train a small residual network with batch norm, compute the group of all changes of its weights
# that keep its function, and apply one of them: half a minute.

# %%
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import scalegmn
from scalegmn import GraphSpec, ModelConfig, ScaleGMN, batch_graphs, load_images
from scalegmn.programs import ProgramArchitecture
from scalegmn.reports import draw_function_kept, draw_symmetries
from scalegmn.seeding import generator
from scalegmn.symmetry.discovery import channel_families

# %% tags=["parameters"]
steps = 150  # of training
least_accuracy = 0.9  # on test images

# %% [markdown]
# ## A network
#
# Nothing in it knows of this library.


# %%
class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        h = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(h)))


class ResNet(nn.Module):
    def __init__(self, channels=8):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.blocks = nn.Sequential(Block(channels), Block(channels))
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        x = torch.relu(self.bn(self.stem(x)))
        return self.head(self.blocks(x).amax((2, 3)))


# %% [markdown]
# It learns the handwritten digits that come with scikit-learn, 8 x 8 pixels each.

# %%
digits = load_images("digits")
images = torch.tensor(digits.images).float()[:, None] / 255
labels = torch.tensor(digits.labels).long()
train, test = digits.split == "train", digits.split == "test"

torch.manual_seed(0)
network = ResNet()
optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
for _ in range(steps):
    batch = torch.randint(int(train.sum()), (128,))
    loss = cross_entropy(network(images[train][batch]), labels[train][batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def accuracy(module):
    return float((module.eval()(images[test]).argmax(1) == labels[test]).float().mean())


print(f"accuracy on test images: {accuracy(network):.1%}")
assert accuracy(network) >= least_accuracy

# %% [markdown]
# ## Its group
#
# The module is traced with `torch.export`, and its group is computed from its operations. Each line
# is a family of channels that can be scaled, flipped or permuted together.

# %%
found = scalegmn.symmetries(network, [images[:2]])
print(found)

# %% [markdown]
# The same as a picture: a column is a family, and its marks say which parameters it moves. Long
# columns are the residual stream: its channels move in every layer that reads or writes it, or not
# at all.

# %%
draw_symmetries(
    channel_families(found.group),
    [parameter.name for parameter in found.program.parameters],
    title="What moves together in a residual network",
)

# %% [markdown]
# That the function stays is checked, too: in float64, random elements change outputs by rounding
# alone.

# %%
check = found.check(network.state_dict(), generator=generator(0))
print(check)
assert check.passed

# %% [markdown]
# ## A twin
#
# A random element of the group turns the state dict into another one, which an ordinary `ResNet`
# loads.

# %%
element = found.random(generator(1), spread=1.0)
twin = ResNet()
twin.load_state_dict(found.apply(element, network.state_dict()))

before, after = (module.blocks[0].conv1.weight.detach() for module in (network, twin))
with torch.no_grad():
    answers, same_answers = network.eval()(images[test]), twin.eval()(images[test])
print(f"largest change of a weight of blocks.0.conv1: {(after - before).abs().max():.2f}")
print(f"largest change of an output:                  {(same_answers - answers).abs().max():.1e}")
assert accuracy(twin) == accuracy(network)
assert torch.allclose(answers, same_answers, rtol=1e-3, atol=1e-3)

# %%
draw_function_kept(
    {
        "weights of blocks.0.conv1": (before, after),
        "outputs for test images": (answers, same_answers),
    },
    title="A network and its twin",
)

# %% [markdown]
# ## What a metanetwork makes of it
#
# To an MLP on flattened weights the two have nothing in common. ScaleGMN reads the graph of the program, and
# its outputs agree up to the rounding of the state dict to single precision, whatever its own
# weights are.

# %%
architecture = ProgramArchitecture.from_module(network, images[:2])
theta = torch.stack(
    [architecture.read_state(one.state_dict()) for one in (network, twin)]
).double()
torch.manual_seed(0)
model = ScaleGMN(
    spec=GraphSpec.from_architectures([architecture]),
    outputs=4,
    config=ModelConfig(features=8, layers=3, readout="full_graph"),
).double()
model.fit_scale(scalegmn.NetworkBatch.from_parameters(architecture, theta[:1]))
with torch.no_grad():
    first, second = model.eval()(batch_graphs(architecture, theta))
print(first.numpy(), second.numpy(), sep="\n")
assert torch.allclose(first, second, rtol=1e-3, atol=1e-4)
assert (theta[0] - theta[1]).norm() > 0.5 * theta[0].norm()

# %% [markdown]
# **Next.** [Any network](../docs/any_network.md) has the same for state dicts and ONNX
# files from the command line, says how the group is found, and how to add an operation of your own.
