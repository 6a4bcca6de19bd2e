# %% [markdown]
# # How good is this CNN?
#
# Train a few hundred small convolutional networks, and a metanetwork that predicts from their
# weights how well each does on data that it has not seen, with intervals whose coverage is checked:
# one minute.

# %%
from pathlib import Path

import numpy as np

from scalegmn import ModelConfig, Population, Run, evaluate, load_images, train
from scalegmn.metrics import kendall_tau
from scalegmn.reports import ScatterPanel, draw_embedding, draw_scatter
from scalegmn.training import (
    DataConfig,
    LoggingConfig,
    RunConfig,
    TrainingConfig,
    embed_networks,
    predict_population,
    project,
    untrained_model,
)
from scalegmn.zoo.cnns import CnnRecipe, HyperSpace, ZooFamily, make_cnns

# %% tags=["parameters"]
networks = 200
epochs = 40  # of the metanetwork
least_tau = 0.5  # rank correlation on test networks
least_coverage = 0.7  # of intervals that promise 0.9, on few test networks

# %% [markdown]
# ## A population of CNNs
#
# All learn the digits of scikit-learn, each with hyper-parameters of its own: activation,
# initialization, learning rate, weight penalty, dropout, fraction of the training images, optimizer. They are
# trained at the same time, in batched tensor operations, and stored after one and after five epochs.

# %%
digits = load_images("digits")
space = HyperSpace(
    w_inits=("he_normal", "glorot_normal"), learning_rate=(2e-3, 3e-2), dropout=(0.0, 0.3)
)
recipe = CnnRecipe(
    family=ZooFamily(channels=(8, 8), padding=1), space=space, checkpoints=(1, 5), batch_size=32
)
report = make_cnns(digits, "cnns", recipe=recipe, networks=networks, progress=False)

population = Population.open("cnns")
accuracies = population.column("test_accuracy")
print(
    len(population), "networks:", *(f"\n  {one.describe()}" for one in population.architectures)
)
low, middle, high = np.quantile(accuracies, (0, 0.5, 1))
print(f"test accuracies {low:.0%} to {high:.0%}, median {middle:.0%}")

# %% [markdown]
# ## Training
#
# The label is a column of numbers, so the task is a regression; `sigmoid` keeps predictions between
# 0 and 1. Both checkpoints of a training run are in one split, so that nothing is tested on a
# network of which an earlier checkpoint was trained on.

# %%
train(
    RunConfig(
        data=DataConfig(
            population=Path("cnns"),
            label="test_accuracy",
            batch_size=16,
            group="network",
            validation=0.25,
            test=0.25,
        ),
        task="regression",
        options={
            "model": ModelConfig(features=32, layers=2, readout="full_graph", statistics=True)
        },
        training=TrainingConfig(epochs=epochs, learning_rate=3e-3),
        logging=LoggingConfig(tensorboard=False, progress=False),
        output=Path("run"),
    )
)
run = Run.open("run")

# %% [markdown]
# ## Predictions with intervals
#
# An interval covers the true accuracy with a probability of at least 0.9: its width comes from
# errors on validation networks (split conformal prediction), not from what the model estimates of
# itself.

# %%
test = np.array([row["id"] for row in evaluate(run).rows])
predictions = predict_population(run, population, test)
true = accuracies[test]
predicted, low, high = (
    np.array([one.values[key] for one in predictions]) for key in ("value", "low", "high")
)
for number in range(5):
    print(
        f"network {test[number]:3d}: predicted {predicted[number]:.0%}, "
        f"90 %: {low[number]:.0%} to {high[number]:.0%}; true {true[number]:.0%}"
    )
tau, coverage = kendall_tau(true, predicted), float(((low <= true) & (true <= high)).mean())
print(f"{len(test)} test networks: Kendall tau {tau:.2f}, {coverage:.0%} in their intervals")
assert tau is not None and tau >= least_tau
assert coverage >= least_coverage

# %%
draw_scatter(
    [
        ScatterPanel(
            "ScaleGMN", true, predicted, categories=population.column("activation")[test].tolist()
        )
    ],
    label="test accuracy",
    category="activation",
    title="From weights alone",
)

# %% [markdown]
# ## A picture of the population
#
# ScaleGMN turns each network into a vector that no symmetry changes. Here is that of an untrained
# one, with random weights: it was never shown an accuracy, and yet networks are ordered by it.

# %%
rows = np.flatnonzero(population.column("epoch") == 5)
vectors = embed_networks(untrained_model(population, rows), population, rows)
draw_embedding(
    project(vectors).points,
    accuracies[rows],
    name="test accuracy",
    title="Networks after five epochs, read by an untrained ScaleGMN",
)

# %% [markdown]
# **Next.** [Generalization prediction](../docs/generalization.md) does this for thousands
# of networks and compares eleven kinds of models. `scalegmn predict scalegmn/cnn-accuracy FILE`
# asks a model that comes with the library, for CNNs that were trained on FashionMNIST.
