"""Verdicts about a batch of networks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from scalegmn.graph import NetworkBatch
from scalegmn.metrics import conformal_p_values, fewest_networks
from scalegmn.networks import Architecture
from scalegmn.symmetry import canonicalize_sine_phase
from scalegmn.training import device_of, evaluating, kept_memory
from scalegmn.trojans.detection import AnswerComparison, Calibration, compare_answers, sigmoid
from scalegmn.trojans.scanning._attribution import Sensitivity, outputs_and_products
from scalegmn.trojans.scanning._detector import Detector
from scalegmn.trojans.scanning._results import FileResult, Verdict
from scalegmn.trojans.scanning._settings import Explain, ScanSettings


@final
@dataclass(frozen=True, eq=False)
class Candidate:
    """A network that is to be evaluated.

    Attributes:
        blank: which file it is of, and where it lies there.
        architecture: one of the detector's, or one of another width.
        theta: its parameters, ``(P,)``, float32.
        notes: how its file was read.
        like: the architecture whose clean networks it is compared with.
    """

    blank: FileResult
    architecture: Architecture
    theta: Tensor
    notes: tuple[str, ...]
    like: Architecture

    @property
    def path(self) -> str:
        """The path of the file."""
        return self.blank.path


@final
@dataclass(frozen=True)
class Likeness:
    """How like a network is to those of the detector's training.

    Attributes:
        distance: of its weights; None where the detector asks for its answers alone.
        answers: to reference inputs; None where the detector has none.
    """

    distance: float | None
    answers: AnswerComparison | None

    def objection(self, *, threshold: float) -> str | None:
        """Why the detector abstains; None if it does not.

        Args:
            threshold: the largest distance of typical networks.
        """
        # Not "distance > threshold", which would let NaN pass.
        if self.distance is not None and not self.distance <= threshold:
            return (
                f"outside the training population: its distance is {_distance_in_words(self.distance)}, "
                f"expected at most {threshold:.4g}"
            )
        if self.answers is not None and self.answers.unlike:
            return self.answers.describe()
        return None


def evaluate_candidates(
    detector: Detector, candidates: Sequence[Candidate], *, settings: ScanSettings
) -> list[FileResult]:
    """Results in the order of the candidates.

    Networks outside the training population, and those about which the detector returns something that
    is no number, are left undecided.
    """
    groups: dict[Architecture, list[int]] = {}
    for place, candidate in enumerate(candidates):
        groups.setdefault(candidate.architecture, []).append(place)
    order = [place for places in groups.values() for place in places]
    batch = NetworkBatch(
        tuple(
            (architecture, _prepared(detector, architecture, [candidates[n].theta for n in places]))
            for architecture, places in groups.items()
        ),
        torch.tensor(order),
    )
    likeness = _likeness(detector, batch)
    model = detector.run.predictor
    explain = settings.explain is not Explain.none
    with kept_memory(), evaluating(model), torch.set_grad_enabled(explain):
        outputs, products = outputs_and_products(model, batch.to(device_of(model)), explain=explain)
    results: list[FileResult | None] = [None] * len(candidates)
    start = 0
    for number, (architecture, places) in enumerate(groups.items()):
        shares = None if products is None else Sensitivity.from_products(architecture, products[number])
        for row, place in enumerate(places):
            result = _result(
                detector, candidates[place], outputs[start + row], likeness[start + row], settings=settings
            )
            results[place] = add_attributions(result, shares, row, settings.explain)
        start += len(places)
    return [result for result in results if result is not None]


def _likeness(detector: Detector, batch: NetworkBatch) -> list[Likeness]:
    """How like the training networks all networks of a batch are, in its order."""
    calibration, count = detector.calibration, len(batch)
    known = calibration.inputs
    answers = compare_answers(known, batch) if known else [None] * count
    if detector.asks_alone:
        return [Likeness(None, one) for one in answers]
    distances = calibration.typicality.distance(detector.statistics.compute(batch)).tolist()
    return [Likeness(*both) for both in zip(distances, answers, strict=True)]


def _prepared(detector: Detector, architecture: Architecture, thetas: Sequence[Tensor]) -> Tensor:
    theta = torch.stack(list(thetas))
    return canonicalize_sine_phase(architecture, theta) if detector.run.canonicalize else theta


def _result(
    detector: Detector,
    candidate: Candidate,
    output: Tensor,
    likeness: Likeness,
    *,
    settings: ScanSettings,
) -> FileResult:
    calibration, distance, answers = detector.calibration, likeness.distance, likeness.answers
    blank = dataclasses.replace(
        candidate.blank,
        verdict=Verdict.abstain,
        notes=candidate.notes,
        architecture=candidate.architecture.describe(),
        distance=distance if distance is not None and math.isfinite(distance) else None,
        inputs_p_value=None if answers is None else answers.p_value,
    )
    reason = likeness.objection(threshold=calibration.threshold)
    if reason is not None:
        return dataclasses.replace(blank, reason=reason)
    if not bool(torch.isfinite(output).all()):
        return dataclasses.replace(blank, reason="the detector's prediction for it is no finite number")
    logit = output[:1].double().numpy()
    clean, own = calibration.reference(candidate.like, fpr=settings.fpr)
    p_value = float(conformal_p_values(logit, clean)[0])
    probability = float(sigmoid(calibration.log_odds(logit, prior=settings.prior))[0])
    target = output[1:].double().softmax(0).numpy()
    notes = candidate.notes
    if not own and len(calibration.by_architecture) > 1:
        notes = (*notes, _comparison_note(calibration, candidate.like, settings.fpr))
    return dataclasses.replace(
        blank,
        verdict=Verdict.suspect if p_value <= settings.fpr else Verdict.clean,
        notes=notes,
        logit=float(logit[0]),
        probability=probability,
        p_value=p_value,
        compared=len(clean),
        target=int(np.argmax(target)) if len(target) else None,
        target_probability=float(target.max()) if len(target) else None,
    )


def _comparison_note(calibration: Calibration, architecture: Architecture, fpr: float) -> str:
    count = len(calibration.by_architecture.get(architecture.fingerprint, ()))
    return (
        f"compared with clean networks of all architectures: there are {count} of its own, and --fpr {fpr:g} "
        f"needs {fewest_networks(fpr)}"
    )


def add_attributions(
    result: FileResult, shares: Sensitivity | None, row: int, explain: Explain
) -> FileResult:
    """A result with the layers and neurons that the prediction depends on most, where they are wanted."""
    wanted = (Verdict.suspect,) if explain is Explain.suspect else (Verdict.suspect, Verdict.clean)
    if shares is None or result.verdict not in wanted:
        return result
    layers, neurons = shares.layer_attributions(row), shares.neuron_attributions(row)
    if not all(math.isfinite(one.fraction) for one in (*layers, *neurons)):
        note = "layers and neurons are not named: what the prediction depends on is no finite number"
        return dataclasses.replace(result, notes=(*result.notes, note))
    return dataclasses.replace(result, layers=layers, neurons=neurons)


def _distance_in_words(distance: float) -> str:
    """What is not finite comes of numbers too large to be squared."""
    return f"{distance:.4g}" if math.isfinite(distance) else "beyond all bounds"
