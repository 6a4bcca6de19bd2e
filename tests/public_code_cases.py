"""A stand-in for the public code: the same files, entry points and log, and nothing learned."""

from __future__ import annotations

import json
from pathlib import Path

SCRIPT = """\
import argparse, json
import yaml
import cv2
from nfn.common import state_dict_to_tensors
from rff.layers import GaussianEncoding
from src.data import dataset
from src.scalegmn.models import ScaleGMN
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--conf")
parser.add_argument("--wandb", default="False")
parser.add_argument("--num_workers", type=int, default=8)
parser.add_argument("--train_args.seed", type=int, default=0)
args = parser.parse_args()
conf = yaml.safe_load(open(args.conf))
assert args.wandb == "True" and vars(args)["train_args.seed"] == conf["train_args"]["seed"]
wandb.init(config=conf, **conf["wandb_args"])
parts = {part: dataset(conf["data"], split=part) for part in ("train", "val", "test")}
net = ScaleGMN(conf["scalegmn_args"])
wandb.log({"number of parameters": net.count}, step=0)
best = 0.0
for epoch in range(conf["train_args"]["num_epochs"]):
    for step in range(-(-len(parts["train"]) // conf["batch_size"])):
        wandb.log({"train/CrossEntropyLoss": 1.0, "epoch": epoch}, step=step)
    accuracy = sum(label == 0 for label in parts["test"]) / len(parts["test"]) - 0.1 * epoch
    best = max(best, accuracy)
    wandb.log({"test/acc": accuracy, "test/best_acc": best, "epoch": epoch,
               "test/conf_mat": wandb.plot.confusion_matrix(probs=None, y_true=[0], preds=[0])})
"""

DATA = """\
import json

import torch


def dataset(conf, split):
    assert conf["dataset"] == "labeled_fashion_mnist_inr" and not conf["switch_to_canon"]
    labels = []
    for path in json.load(open(conf["split_path"]))[split]:
        state = torch.load(conf["dataset_path"] + "/".join(path.split("/")[-2:]), weights_only=True)
        labels.append(int(state.pop("label")))
        assert [tuple(one.shape) for one in state.values()][:2] == [(32, 2), (32,)]
    return labels
"""

MODEL = """\
class ScaleGMN:
    def __init__(self, args):
        self.count = args["d_hid"]
"""

CONFIG = """\
batch_size: 128
data: {dataset: labeled_fashion_mnist_inr, dataset_path: ./, split_path: ./splits.json, switch_to_canon: True}
train_args: {num_epochs: 200, patience: 50, seed: 0, loss: CrossEntropyLoss}
scalegmn_args:
  d_hid: 128
  num_layers: 2
  direction: forward
  symmetry: sign
  readout_range: full_graph
  gnn_skip_connections: True
  edge_pos_embed: True
  gnn_args: {dropout: 0.2, dropout_all: True, mlp_on_io: True, msg_num_mlps: 3, sign_symmetrization: True,
    pos_embed_msg: False, pos_embed_upd: False}
  mlp_args: {d_k: [64], layer_norm: True}
optimization:
  clip_grad: True
  clip_grad_max_norm: 10.0
  optimizer_args: {lr: 1e-3, weight_decay: 0.01}
  scheduler_args: {scheduler: WarmupLRScheduler, warmup_steps: 1000}
wandb_args: {project: fmnist_cls}
"""


def stand_in(folder: Path) -> Path:
    """The folder, with everything that is looked for."""
    files = {
        "inr_classification.py": SCRIPT,
        "src/data/__init__.py": DATA,
        "src/data/fmnist_inr_dataset.py": "",
        "src/scalegmn/models.py": MODEL,
        "src/utils/setup_arg_parser.py": "",
        "configs/fmnist_cls/scalegmn.yml": CONFIG,
        "configs/fmnist_cls/scalegmn_bidir.yml": CONFIG,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


MODELS = """\
import torch
from nfn.common import anything

calls = []


class _Base(torch.nn.Module):
    def __init__(self, args):
        super().__init__()
        self.layout, self.taps = args["layer_layout"], args.get("_max_kernel_height", 1) ** 2
        self.both, self.masked = args["direction"] == "bidirectional", "_max_kernel_height" in args
        self.edges, self.nodes = torch.nn.Linear(self.taps, 3), torch.nn.Linear(1, 3)

    def check(self, batch):
        nodes = sum(self.layout) * batch.num_graphs
        pairs = [a * b for a, b in zip(self.layout, self.layout[1:])]
        edges = sum(pairs) * batch.num_graphs
        assert batch.x.shape == (nodes, 1) and batch.edge_attr.shape == (edges, self.taps)
        assert batch.edge_index.shape == (2, edges) and batch.edge_index.max() == nodes - 1
        hidden = nodes - (self.layout[0] + self.layout[-1]) * batch.num_graphs
        assert batch.mask_hidden.shape == (nodes, 1) and batch.mask_hidden.sum() == hidden
        assert batch.mask_first_layer.sum() == self.layout[0] * batch.num_graphs
        assert ("bw_edge_index" in batch) == self.both and ("sign_mask" in batch) == self.masked
        if self.both:
            assert torch.equal(batch.bw_edge_index, batch.edge_index.flip(0))
        if self.masked:
            assert batch.sign_mask.dtype == torch.bool and batch.sign_mask.sum() == batch.num_graphs // 2
        kinds = self.layout[0] + self.layout[-1] + len(self.layout) - 2
        assert torch.equal(batch.node2type.unique(), torch.arange(kinds))
        # Like the public models, and so no call may see what another one has left.
        batch.x, batch.edge_attr = self.nodes(batch.x), self.edges(batch.edge_attr)
        return batch


class ScaleGMN(_Base):
    def forward(self, batch):
        batch = self.check(batch)
        return batch.x.reshape(batch.num_graphs, -1) @ torch.ones(3 * sum(self.layout), 1)


class ScaleGMN_equiv(_Base):
    def forward(self, batch, w, b):
        batch = self.check(batch)
        shapes = [(batch.label.shape[0], *pair, 1) for pair in zip(self.layout, self.layout[1:])]
        assert [tuple(one.shape) for one in w] == shapes
        assert [tuple(one.shape[1:]) for one in b] == [(width, 1) for width in self.layout[1:]]
        change = batch.x.mean() + batch.edge_attr.mean()
        return [change * one for one in w], [change * one for one in b]
"""

TYPES = """\
import torch


def get_node_types(layout):
    parts = [torch.arange(layout[0])]
    for width in layout[1:-1]:
        parts.append(torch.full((width,), int(parts[-1].max()) + 1))
    return torch.cat([*parts, int(parts[-1].max()) + 1 + torch.arange(layout[-1])])


def get_edge_types(layout):
    return torch.zeros(sum(a * b for a, b in zip(layout, layout[1:])), dtype=torch.long)
"""


def model_stand_in(folder: Path, name: str, layout: list[int]) -> Path:
    """The folder, with models of the public interface that check what they are given."""
    both, edits = "bidir" in name, "editing" in name
    options = {
        "direction": "bidirectional" if both else "forward",
        "equivariant": edits,
        "node_pos_embed": True,
        "edge_pos_embed": not both,
        **({"_max_kernel_height": 3, "_max_kernel_width": 3} if "cifar10" in name else {}),
    }
    files = {
        "src/data/__init__.py": "import torchvision\n",
        "src/data/data_utils.py": TYPES,
        "src/scalegmn/models.py": MODELS,
        f"configs/{name}.yml": json.dumps({"data": {"layer_layout": layout}, "scalegmn_args": options}),
    }
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
