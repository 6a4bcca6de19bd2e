"""Metanetworks: what reads trained networks and answers, or writes new ones."""

from scalegmn.models.config import Direction, ModelConfig, ReadoutKind, Symmetry
from scalegmn.models.editor import ScaleGMNEditor
from scalegmn.models.metanetwork import Editor, Judge, Metanetwork
from scalegmn.models.probed import ProbedScaleGMN
from scalegmn.models.scalegmn import ScaleGMN

__all__ = [
    "Direction",
    "Editor",
    "Judge",
    "Metanetwork",
    "ModelConfig",
    "ProbedScaleGMN",
    "ReadoutKind",
    "ScaleGMN",
    "ScaleGMNEditor",
    "Symmetry",
]
