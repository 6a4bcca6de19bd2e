# %% [markdown]
# # Your first metanetwork
#
# Fit a small sine network to each of a few hundred handwritten digits, and train a metanetwork that
# tells from the weights of such a network, and nothing else, which digit it draws: one minute.

# %%
from pathlib import Path

import numpy as np
import torch

from scalegmn import ModelConfig, Population, Run, SymmetryAction, evaluate, load_images, train
from scalegmn.checkpoints import write_state
from scalegmn.reports import (
    CurvePanel,
    Overview,
    draw_confusion,
    draw_curves,
    draw_function_kept,
    draw_overview,
    read_metrics,
)
from scalegmn.seeding import generator
from scalegmn.training import (
    DataConfig,
    LoggingConfig,
    RunConfig,
    TrainingConfig,
    measure_invariance,
    predict_files,
)
from scalegmn.zoo.inrs import InrRecipe, draw_images, fit_inrs

# %% tags=["parameters"]
number_of_images = 1200
steps = 150  # of each fit
epochs = 24
least_accuracy = 0.5  # on test networks; chance is 0.1

# %% [markdown]
# ## A population of networks
#
# Each image becomes a network of its own: coordinates in, brightness out. The digits are those of
# scikit-learn. Many networks are fitted at a time.

# %%
digits = load_images("digits")
images = digits.subset(
    np.random.default_rng(0).permutation(len(digits.images))[:number_of_images]
)
recipe = InrRecipe(hidden=(16, 16), frequency=12, steps=steps, learning_rate=2e-3)
report = fit_inrs(images, "digits-inrs", recipe=recipe, progress=False)

population = Population.open("digits-inrs")
print(len(population), "networks", population.architecture.describe())
print("columns:", ", ".join(population.columns))

# %% [markdown]
# Nine images, what their networks draw on a finer grid, and all that the metanetwork will see: the
# weights of a network.

# %%
labels = population.column("label")
shown = np.array([np.flatnonzero(labels == digit)[0] for digit in range(1, 10)])
draw_overview(
    Overview(
        images=images.images[shown] / 255,
        drawings=draw_images(
            population.architecture, population.theta(shown), height=32, width=32
        ).numpy(),
        captions=[str(label) for label in labels[shown]],
        shown=4,
        architecture=population.architecture,
        theta=population.theta(shown)[4],
    )
)

# %% [markdown]
# ## Training
#
# The population says which networks are for training and for testing, and what is to be predicted
# (the column `label`). Options have defaults; `scalegmn train --help` and the class `ModelConfig`
# explain them.

# %%
outcome = train(
    RunConfig(
        data=DataConfig(population=Path("digits-inrs"), batch_size=32),
        options={"model": ModelConfig(features=32, layers=2, readout="full_graph", dropout=0.1)},
        training=TrainingConfig(epochs=epochs, learning_rate=3e-3, warmup_steps=20),
        logging=LoggingConfig(tensorboard=False, progress=False),
        output=Path("run"),
    )
)
print(f"accuracy on test networks: {outcome.results['test']['accuracy']:.1%}")

# %%
draw_curves(
    {"ScaleGMN": read_metrics("run/metrics.csv")},
    [
        CurvePanel("Loss", {"train/loss": "training", "val/loss": "validation"}),
        CurvePanel("Accuracy", {"val/accuracy": "validation"}, percent=True),
    ],
)

# %% [markdown]
# ## An evaluation
#
# The run folder holds everything: the model, its configuration, what it was trained on. `evaluate`
# opens it again and says how good the model is on its test networks, whose images it never saw.

# %%
run = Run.open("run")
evaluation = evaluate(run)
accuracy, interval = (
    evaluation.report.summary[key] for key in ("accuracy", "accuracy_interval_95")
)
count = evaluation.report.summary["networks"]
print(f"{accuracy:.1%} of {count} networks, 95 %: {interval[0]:.1%} to {interval[1]:.1%}")
assert accuracy >= least_accuracy

# %%
draw_confusion(np.load("run/confusion.npy"), [str(digit) for digit in range(10)])

# %% [markdown]
# ## A prediction for a file
#
# A checkpoint file is a network like any other. Which architecture it holds is found out from its
# tensors.

# %%
number = int(np.flatnonzero(population.column("split") == "test")[0])
theta = population.theta([number])
write_state("network.safetensors", population.architecture.unflatten(theta[0]))
(prediction,) = predict_files(run, [Path("network.safetensors")])
digit, probability = (prediction.values[key] for key in ("class", "probability"))
print(f"true digit {labels[number]}, predicted {digit} with probability {probability:.2f}")

# %% [markdown]
# ## The proof of invariance
#
# Flip signs of hidden neurons, shuffle them, and shift their phases: other weights, the same
# function. Before it reads sine networks, the library brings their phases into one range, and
# ScaleGMN is invariant to the rest, so it gives the same outputs, up to rounding in single
# precision.

# %%
action = SymmetryAction(population.architecture)
element = action.draw(generator=generator(0), shift_phase=True)
twin = action.apply(theta.double(), element).float()
before, after = (run.outputs(population.architecture, one) for one in (theta, twin))
drawn, drawn_by_twin = (
    draw_images(population.architecture, one, height=32, width=32) for one in (theta, twin)
)
draw_function_kept(
    {
        "weights": (theta, twin),
        "drawn image": (drawn, drawn_by_twin),
        "outputs of ScaleGMN": (before, after),
    },
    title="A network and its twin, and what ScaleGMN says about them",
)

# %%
assert (theta - twin).norm() > theta.norm()
assert torch.allclose(drawn, drawn_by_twin, atol=1e-3)
assert torch.allclose(before, after, atol=1e-2)
print(f"largest change of an output: {(before - after).abs().max():.1e}")

# %% [markdown]
# In double precision nothing is left but rounding of the sixteenth digit, for all networks and many
# random symmetries:

# %%
found = measure_invariance(run.model, population.architecture, population.theta(np.arange(20)))
print(found)
assert found.largest < 1e-9 and found.changed == 0

# %% [markdown]
# **Next.** The same from the command line is [training](../docs/training.md), and
# [populations](../docs/populations.md) says how to bring networks of your own.
