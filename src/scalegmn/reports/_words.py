"""What columns and figures are called on axes and in headings."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "asr": "attack success rate (ASR)",
    "auroc": "AUROC",
    "c_acc": "accuracy on clean images (C-Acc)",
    "kendall_tau": "Kendall tau",
    "mae": "mean absolute error",
    "mse": "MSE",
    "mse_x100": "MSE × 100",
    "psnr": "PSNR in dB",
    "r2": "R²",
    "ra": "robust accuracy (RA)",
    "target_accuracy": "target accuracy",
    "tpr_at_1_fpr": "TPR at 1 % FPR",
    "tpr_at_5_fpr": "TPR at 5 % FPR",
}


def in_words(name: str) -> str:
    """A column or a figure in words: the usual ones where there are any, otherwise its name with spaces.

    Args:
        name: such as ``test_accuracy`` or ``auroc``.
    """
    return _WORDS.get(name, name.replace("_", " "))
