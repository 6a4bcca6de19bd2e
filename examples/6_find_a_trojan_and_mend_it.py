# %% [markdown]
# # Find a trojan, repair it, see what changed
#
# Put trojans into small classifiers, let the detector that comes with the library say which of the
# files are trojaned, repair these from their weights alone, and look at what changed: half a minute.

# %%
from pathlib import Path

import numpy as np

from scalegmn import Population
from scalegmn.alignment import diff
from scalegmn.checkpoints import write_state
from scalegmn.images import ImageSet
from scalegmn.reports import ResultTable, contact_sheet, draw_differences
from scalegmn.seeding import generator
from scalegmn.trojans.making import FineTuningConfig, PoisoningConfig, TrojanRecipe, make_trojans
from scalegmn.trojans.repair import Evidence, LabeledImages, TriggerUnlearner
from scalegmn.trojans.scanning import ScanSettings, Verdict, scan
from scalegmn.trojans.triggers import Patches, TriggerSpace, triggers_of
from scalegmn.zoo.cnns import CnnRecipe, HyperSpace, ZooFamily, make_cnns

# %% tags=["parameters"]
number_of_images = 3000
pairs = 4  # of a trojaned network and its clean twin
least_found = 0.75  # fraction of the trojaned networks that are suspect
largest_asr = 0.5  # attack success rate after the repair, on average
largest_drop = 0.15  # of accuracy, on average

# %% [markdown]
# ## Images
#
# The detector and the repairer that come with the library know FashionMNIST. Beside them lies a
# description of these images: clusters of each class, and the directions in which images differ
# from them. Images are drawn from it, so that nothing has to be downloaded.

# %%
repairer = TriggerUnlearner.shipped()
pixels, labels = repairer.method.inputs.draw(number_of_images, generator(0))
bytes_of = ((pixels[:, 0] + 1) * 127.5).round().byte().numpy()
split = np.where(np.arange(number_of_images) % 6 == 0, "test", "train")
images = ImageSet(bytes_of, labels.numpy(), split, "drawn")

# %% [markdown]
# ## Trojans
#
# First some clean classifiers. Then the training of each goes on, twice: its clean twin on clean images, the
# trojaned one on images of which a tenth carries a small pattern and the label of the attacker's
# choice.

# %%
space = HyperSpace(
    activations=("relu",),
    w_inits=("he_normal",),
    learning_rate=(2e-3, 4e-3),
    l2=(1e-8, 1e-7),
    dropout=(0.0, 0.01),
    train_fractions=(1.0,),
    optimizers=("adam",),
)
honest = CnnRecipe(family=ZooFamily(padding=1), space=space, checkpoints=(8,), batch_size=32)
make_cnns(images, "bases", recipe=honest, networks=pairs, progress=False)
attack = TrojanRecipe(
    tuning=FineTuningConfig(epochs=3, batch_size=32, learning_rate=(3e-3, 3e-3)),
    poisoning=PoisoningConfig(ratio=0.1),
    triggers=TriggerSpace((Patches(sizes=(4,), patterns=("checkerboard",)),)),
)
make_trojans(Population.open("bases"), images, "twins", recipe=attack, progress=False)

twins = Population.open("twins")
trojaned, accuracy, asr = (twins.column(name) for name in ("trojaned", "c_acc", "asr"))
assert asr[trojaned].min() > 0.5 > asr[~trojaned].max()
print(
    ResultTable.from_values(
        ["network", "trojaned", "accuracy", "attack success rate"],
        [
            [n, t, f"{c:.0%}", f"{a:.0%}"]
            for n, (t, c, a) in enumerate(zip(trojaned, accuracy, asr, strict=True))
        ],
    ).to_markdown()
)

# %% [markdown]
# By their accuracy the twins are alike. The trigger is a pattern of 4 x 4 pixels:

# %%
victim = int(np.flatnonzero(trojaned)[0])
(trigger,) = triggers_of(twins, [victim])
target = int(twins.column("target")[victim])
test = LabeledImages.from_image_set(images.subset(np.flatnonzero(split == "test")))
marked = trigger.apply(test.pixels)
contact_sheet(
    test.pixels[:8, 0].numpy(),
    None,
    marked[:8, 0].numpy(),
    names=("image", "", "with trigger"),
    captions=[str(int(label)) for label in test.labels[:8]],
    title=f"The attacker wants all of these to be taken for class {target}",
)

# %% [markdown]
# ## Finding them
#
# All networks are written into one folder, which the detector scans. It reads nothing but these
# files. For each file it gives a p-value: how likely a clean network looks as suspicious as this
# one. With `fpr=0.1`, at most a tenth of clean networks is called suspect, on average.

# %%
architecture = twins.architecture
(known,) = (one for one in repairer.architectures if one.describe() == architecture.describe())
Path("incoming").mkdir()
for number in range(len(twins)):
    # Under the names that the detector was trained with, so that it knows which layer is which.
    write_state(f"incoming/{number}.safetensors", known.unflatten(twins.theta([number])[0]))

report = scan(["incoming"], settings=ScanSettings(fpr=0.1, activation="relu"))
print(
    ResultTable.from_values(
        ["file", "trojaned", "verdict", "p-value"],
        [
            [Path(file.path).name, truth, file.verdict.value, f"{file.p_value or 1:.2f}"]
            for file, truth in zip(report.files, trojaned, strict=True)
        ],
    ).to_markdown()
)
suspect = np.array([file.verdict is Verdict.suspect for file in report.files])
assert suspect[trojaned].mean() >= least_found

# %% [markdown]
# ## Repairing them
#
# The repairer searches for a change of images that brings them to one class, and changes the weights
# until it no longer works. It is given the weights alone: no image, no trigger, no target class.

# %%
theta = twins.theta(range(len(twins)))
repaired = repairer.repair(known, theta[trojaned])


def figures(networks):
    evidence = [
        Evidence(test, "drawn images", trigger=one, target=int(target))
        for one, target in zip(
            triggers_of(twins, np.flatnonzero(trojaned).tolist()),
            twins.column("target")[trojaned],
            strict=True,
        )
    ]
    found = [
        repairer.performance(known, network, one)
        for network, one in zip(networks, evidence, strict=True)
    ]
    return np.array([one.c_acc for one in found]), np.array([one.asr for one in found])


(accuracy_before, asr_before), (accuracy_after, asr_after) = (
    figures(theta[trojaned]),
    figures(repaired),
)
print(
    ResultTable.from_values(
        ["trojaned network", "accuracy", "after", "attack success rate", "after"],
        [
            [number, *(f"{value:.0%}" for value in row)]
            for number, *row in zip(
                np.flatnonzero(trojaned),
                accuracy_before,
                accuracy_after,
                asr_before,
                asr_after,
                strict=True,
            )
        ],
    ).to_markdown()
)
assert asr_after.mean() <= min(largest_asr, asr_before.mean())
assert (accuracy_before - accuracy_after).mean() <= largest_drop

# %% [markdown]
# ## What changed
#
# The two networks side by side, channel by channel: how far each channel of each parameter has
# moved, relative to its size.

# %%
difference = diff(architecture, theta[victim], repaired[0])
draw_differences(
    {one.name: one.channels for one in difference.parameters},
    title="What the repair changed",
)

# %% [markdown]
# **Next.** [Trojaned networks](../docs/trojans.md) has other triggers and architectures and
# detectors to be trained, [scanning](../docs/scanning.md) what a verdict promises, and
# [repairing](../docs/repairing.md) what a repair promises: a low rate, measured with one trigger,
# is no proof that a trojan is gone.
