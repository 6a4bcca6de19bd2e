# %% [markdown]
# # Align and merge two networks
#
# Two training runs from different seeds give networks whose average does not work. Align one with the
# other by its symmetries first, and it does: one minute.

# %%
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from scalegmn import load_images
from scalegmn.alignment import Matching, align, barrier, diff, merge, same
from scalegmn.programs import ProgramArchitecture
from scalegmn.reports import LineCurve, draw_differences, draw_lines
from scalegmn.seeding import generator
from scalegmn.symmetry import random_symmetry

# %% tags=["parameters"]
steps = 150  # of each training run
width = 24  # channels of the first convolution
points = 7  # on a line between two networks
least_accuracy = 0.85  # of the merged network
largest_share = 0.5  # of the plain mean's barrier that is left

# %% [markdown]
# ## Two training runs
#
# A convolutional network with batch norm learns the digits of scikit-learn, twice.

# %%
digits = load_images("digits")
images = torch.tensor(digits.images).float()[:, None] / 255
labels = torch.tensor(digits.labels).long()
train, test = digits.split == "train", digits.split == "test"


def network():
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, 10),
    )


def trained(seed):
    torch.manual_seed(seed)
    module = network()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-2)
    for _ in range(steps):
        batch = torch.randint(int(train.sum()), (128,))
        loss = cross_entropy(module(images[train][batch]), labels[train][batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return module.eval()


first, second = trained(0), trained(1)

# %% [markdown]
# An architecture is a network without its parameters; it reads state dicts into flat vectors, and runs
# them.

# %%
architecture = ProgramArchitecture.from_module(network(), images[:2])
a, b = (architecture.read_state(module.state_dict()) for module in (first, second))


def accuracy(theta):
    outputs = architecture.run(theta[None], images[test])[0]
    return float((outputs.argmax(1) == labels[test]).float().mean())


for name, theta in {"first": a, "second": b, "plain mean": (a + b) / 2}.items():
    print(f"{name:12s} {accuracy(theta):.1%}")

# %% [markdown]
# ## A network in disguise
#
# Move the first network by a random element of its group. All numbers in its kernels change, no
# distance between weights shows that the two are related, and `same` does:

# %%
disguised = random_symmetry(architecture, generator=generator(0)).apply(a)
back = align(architecture, a, disguised)
print(f"distance before {back.distance_before:.2f}, after alignment {back.distance:.1e}")
assert back.distance < 1e-5 < back.distance_before
assert same(architecture, a, disguised).same
assert not same(architecture, a, b).same

# %% [markdown]
# ## Where do two relatives differ?
#
# Somebody changes what leads to the digit 3, and disguises the result. After alignment, the
# difference is where it is:

# %%
tuned = a.clone()
head = architecture.parameter("8.weight")
tuned[head.start + 3 * 2 * width : head.start + 4 * 2 * width] += 0.3
difference = diff(
    architecture, a, random_symmetry(architecture, generator=generator(1)).apply(tuned)
)
differing = {
    one.name: [row for row, size in enumerate(one.channels) if size > 1e-3]
    for one in difference.parameters
    if one.relative > 1e-4
}
print(differing)
assert differing == {"8.weight": [3]}
draw_differences(
    {one.name: one.channels for one in difference.parameters},
    title="Channels that differ after alignment: one row of the head",
)

# %% [markdown]
# ## The mean
#
# Now the two independent networks. Channels are matched by their activations on examples, the
# second network is moved along its symmetries (its function stays), and the mean gets its batch
# norm statistics from the examples.

# %%
matching = Matching(by="activations")
merged = merge(architecture, [a, b], matching=matching, examples=images[train][:500])
print(f"{'merged':12s} {accuracy(merged.theta):.1%}")
assert abs(accuracy(merged.aligned[1]) - accuracy(b)) < 0.005
assert accuracy(merged.theta) >= least_accuracy

# %% [markdown]
# The whole line between the two, before and after:

# %%
lines = {
    name: barrier(
        architecture,
        a,
        end,
        inputs=images[test],
        targets=labels[test],
        points=points,
        restore=restore,
    )
    for name, end, restore in (
        ("as they are", b, None),
        ("aligned", merged.aligned[1], None),
        ("aligned, statistics restored", merged.aligned[1], images[train][:500]),
    )
}
for name, line in lines.items():
    print(f"{name:30s} loss rises by {line.loss:.2f}, errors by {line.error:.1%}")
assert lines["aligned, statistics restored"].loss < largest_share * lines["as they are"].loss

# %%
draw_lines(
    {
        name: LineCurve(
            fractions=line.fractions.tolist(),
            losses=line.losses.tolist(),
            errors=line.errors.tolist(),
        )
        for name, line in lines.items()
    },
    title="From one network to the other",
)

# %% [markdown]
# **Next.** [Alignment](../docs/alignment.md) has the same for files on the command line
# (`scalegmn same`, `diff`, `align`, `merge`), tells who descends from whom in a folder, and says
# how it works.
