"""A stand-in for the public code: the same files, entry points and log, and nothing learned."""

from __future__ import annotations

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
