"""Pack the run folder of a trained model into the package, under a name such as ``scalegmn/trojan-detector``.

    python -m benchmarks.ship RUN --name scalegmn/trojan-detector --card CARD.md

Keeps what is needed to use the model and to know where it comes from: its weights, configuration, calibration
and reference, the numbers that name its training networks, and its figures.  Leaves out checkpoints with the
state of the optimizer, logs and pictures.  Paths of this machine become the last part of them.

CARD is Markdown; its first sentence becomes the line of ``scalegmn models``.  What the run folder itself says
is written below it: data, figures, command, versions and checksums.

The packed folder is opened again and must predict for random networks of every architecture what the run
folder predicts, bit for bit; otherwise nothing is changed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scalegmn.configuration import read_json_file
from scalegmn.disk import replace_file
from scalegmn.errors import ConfigurationError, ScaleGMNError
from scalegmn.models import Editor
from scalegmn.networks import Architecture
from scalegmn.populations import Population
from scalegmn.seeding import generator
from scalegmn.shipped import CARD, Shelf
from scalegmn.shipped._naming import FOLDER
from scalegmn.shipped._shelf import own_part
from scalegmn.training import CONFIG, MODEL, RESULTS, RUN, Run, edited_by, read_yaml, to_yaml, write_json
from scalegmn.training._own_networks import NETWORKS
from scalegmn.training._reference import REFERENCE
from scalegmn.trojans.detection import (
    CALIBRATION,
    INPUTS,
    TYPICALITY,
    TrojanDetection,
    with_more_clean,
    with_reference_inputs,
)
from scalegmn.trojans.scanning import IMAGES, Detector

DESCRIBED = (RUN, RESULTS)
COPIED = (CALIBRATION, TYPICALITY, INPUTS, REFERENCE, NETWORKS)
SAMPLE = 4
MOST_BYTES = 5 * 2**20
PATH = re.compile(r"""(^|[\s='"\[,(])((?:/|~/|\.\./)[^\s'"\],)]+)""")


def pack(
    run: Path,
    *,
    name: str,
    card: str,
    images: Sequence[str] = (),
    clean: Sequence[Path] = (),
    reference: tuple[Path, Path] | None = None,
    into: Path = FOLDER,
) -> Shelf:
    """Put a run folder onto a shelf, in the place of the model of this name if there is one.

    Args:
        run: of a finished training.
        name: such as ``scalegmn/trojan-detector``.
        card: Markdown.
        images: sizes of the images that the networks read, where their architectures do not say it.
        clean: populations whose clean networks a detector is to compare with besides its own.
        reference: a file of reference inputs for a detector that was trained without, and the population of
            its training.
        into: folder of models.

    Raises:
        ScaleGMNError: the run cannot be used, the card says nothing, or the packed model predicts otherwise.
    """
    summary = first_sentence(card)
    shelf, trained = Shelf.open(into), Run.open(run)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        packed = Path(scratch) / own_part(name)
        copy(trained.folder, packed)
        if images:
            write_json(packed / RUN, {**read_json_file(packed / RUN), IMAGES: list(images)})
        for population in clean:
            detector = Detector.open(packed, device="cpu")
            with_more_clean(detector.run, detector.calibration, Population.open(population)).save(packed)
        if reference is not None:
            detector, (inputs, learned) = Detector.open(packed, device="cpu"), reference
            with_reference_inputs(
                detector.run, detector.calibration, Population.open(learned), inputs=inputs
            ).save(packed)
        text = whole_card(name, card, packed)
        replace_file(packed / CARD, text.encode())
        verify(trained, packed)
        place = into / own_part(name)
        if place.exists():
            shutil.rmtree(place)
        packed.rename(place)
    shelf = shelf.with_model(name, summary=summary, task=trained.task.name)
    shelf.write()
    return shelf


def copy(run: Path, packed: Path) -> None:
    """What is needed of a run folder, without paths of this machine."""
    (packed / MODEL).mkdir(parents=True)
    for path in sorted((run / MODEL).iterdir()):
        shutil.copyfile(path, packed / MODEL / path.name)
    for name in COPIED:
        if (run / name).is_file():
            shutil.copyfile(run / name, packed / name)
    for name in DESCRIBED:
        if (run / name).is_file():
            write_json(packed / name, without_paths(read_json_file(run / name, constants=True)))
    if (run / CONFIG).is_file():
        text = to_yaml(without_paths(read_yaml(run / CONFIG)))
        replace_file(packed / CONFIG, text.encode())


def without_paths(data: Any) -> Any:
    """Plain data, with :func:`without_path` of every text."""
    if isinstance(data, Mapping):
        return {key: without_paths(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [without_paths(value) for value in data]
    return without_path(data) if isinstance(data, str) else data


def without_path(text: str) -> str:
    """A text whose paths from the root, from a home and from a folder above are their last part."""
    return PATH.sub(lambda found: found[1] + Path(found[2]).name, text)


def first_sentence(card: str) -> str:
    """Of a card: of its first lines that are no heading.

    Raises:
        ConfigurationError: there is none.
    """
    lines = (line.strip() for line in card.splitlines())
    text = itertools.dropwhile(lambda line: not line or line.startswith("#"), lines)
    sentence = " ".join(itertools.takewhile(bool, text)).partition(". ")[0].rstrip(".")
    if not sentence:
        raise ConfigurationError("--card: is empty; say first, in one sentence, what the model does")
    return sentence


def whole_card(name: str, card: str, packed: Path) -> str:
    """The card, with what the packed folder says itself."""
    facts = read_json_file(packed / RUN)
    results = read_json_file(packed / RESULTS, constants=True) if (packed / RESULTS).is_file() else {}
    shelf = Shelf(packed.parent, {}).with_model(name, summary="", task="").models[name]
    sections = {
        "Networks it was trained on": _data(facts),
        "Clean networks that it compares with": _clean(facts, packed),
        "Figures on its test networks": [
            f"- {key}: {_figure(value)}"
            for key, value in (results.get("test") or {}).items()
            if _is_figure(value)
        ],
        "Made with": [
            *([f"- command: `{facts['command']}`"] if facts.get("command") else []),
            f"- seed: {facts.get('seed')}",
            "- versions: " + ", ".join(f"{k} {v}" for k, v in facts.get("versions", {}).items()),
        ],
        "Files": [
            "| file | bytes | SHA-256 |",
            "| --- | --- | --- |",
            *(
                f"| {path} | {own.size} | `{own.sha256}` |"
                for path, own in shelf.files.items()
                if path != CARD
            ),
        ],
    }
    own = card.strip() if card.lstrip().startswith("# ") else f"# {name}\n\n{card.strip()}"
    parts = [own, *(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items() if lines)]
    return "\n\n".join(parts) + "\n"


def _data(facts: Mapping[str, Any]) -> list[str]:
    architectures = [Architecture.from_dict(entry) for entry in facts["architectures"]]
    return [
        *(
            f"- {purpose.replace('_', ' ')} `{own['folder']}`: {own['networks']} networks, checksum "
            f"`{own['checksum']}`"
            for purpose, own in facts.get("populations", {}).items()
            if purpose == "population" or own != facts["populations"]["population"]
        ),
        "- " + ", ".join(f"{count} for {split}" for split, count in facts.get("networks", {}).items()),
        f"- {len(architectures)} architectures:",
        *(f"  - {architecture.describe()}" for architecture in architectures),
    ]


def _clean(facts: Mapping[str, Any], packed: Path) -> list[str]:
    """How many of each architecture the calibration of a detector has."""
    if not (packed / CALIBRATION).is_file():
        return []
    found = read_json_file(packed / CALIBRATION)["clean_logits_by_architecture"]
    architectures = [Architecture.from_dict(entry) for entry in facts["architectures"]]
    return [f"- {len(found.get(one.fingerprint, ()))} networks {one.describe()}" for one in architectures]


def _is_figure(value: object) -> bool:
    numbers = value if isinstance(value, list) else [value]
    return bool(numbers) and all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in numbers
    )


def _figure(value: Any) -> str:
    return " to ".join(map(_figure, value)) if isinstance(value, list) else f"{value:.4g}"


def verify(trained: Run, packed: Path) -> None:
    """Refuse a packed folder that does not do what the run folder does.

    Raises:
        ScaleGMNError: it cannot be opened, or predicts otherwise.
    """
    found = Run.open(packed)
    for number, architecture in enumerate(trained.architectures):
        theta = 0.1 + torch.rand(SAMPLE, architecture.num_parameters, generator=generator(number)) / 2
        if not torch.equal(answers(trained, architecture, theta), answers(found, architecture, theta)):
            raise ScaleGMNError(
                f"{trained.folder}: the packed model predicts otherwise for networks "
                f"{architecture.describe()}; nothing was changed"
            )
    if isinstance(trained.task, TrojanDetection):
        Detector.open(packed, device="cpu")
    size = sum(path.stat().st_size for path in packed.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise ConfigurationError(
            f"{trained.folder}: has {size:,} bytes packed, expected at most {MOST_BYTES:,}; ship a "
            "smaller model"
        )


def answers(run: Run, architecture: Architecture, theta: Tensor) -> Tensor:
    """What a model gives for networks ``(N, P)``: predictions, or the networks that it writes."""
    if isinstance(run.model, Editor):
        return edited_by(run.model, architecture, theta, batch_size=SAMPLE)
    return run.outputs(architecture, theta, batch_size=SAMPLE)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder of a finished training")
    parser.add_argument("--name", required=True, help="such as scalegmn/trojan-detector")
    parser.add_argument("--card", type=Path, required=True, help="Markdown: what it does, figures and limits")
    parser.add_argument("--images", nargs="*", default=[], help="sizes that the networks read, as 28 x 28")
    parser.add_argument(
        "--clean",
        type=Path,
        nargs="*",
        default=[],
        help="populations whose clean networks, those that a detector learned from aside, it compares with",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        nargs=2,
        metavar=("INPUTS", "POPULATION"),
        help="inputs for a detector that was trained without, and the population of its training",
    )
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder of models; by default the package")
    options = parser.parse_args(argv)
    try:
        card = options.card.read_text(encoding="utf-8")
        shelf = pack(
            options.run,
            name=options.name,
            card=card,
            images=options.images,
            clean=options.clean,
            reference=None if options.reference is None else tuple(options.reference),
            into=options.into,
        )
    except (ScaleGMNError, OSError) as error:
        print(f"benchmarks.ship: {error}")
        return 1
    for model in shelf.models.values():
        print(f"{model.name}: {model.size:,} bytes in {len(model.files)} files")
    print(json.dumps({"bytes": sum(model.size for model in shelf.models.values())}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
