"""Writing populations: whatever happens, what is on the disk is right, and the work can go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from scalegmn.errors import ConfigurationError, DiskError, PopulationError
from scalegmn.networks import siren
from scalegmn.populations import ArchitectureGroup, Population, PopulationWriter
from scalegmn.populations._format import shard_name

FIRST = siren(widths=(2, 3, 1))
SECOND = siren(widths=(2, 4, 1))
PROVENANCE = {"maker": "test", "seed": 1, "recipe": {"steps": 10, "rate": 0.5}}
SHARDS = 4


def shard(number: int) -> list[ArchitectureGroup]:
    """Networks of two architectures; the second one appears in shard 1 for the first time."""
    groups = [
        ArchitectureGroup(FIRST, torch.full((2, FIRST.num_parameters), float(number)), {"label": [number, 7]})
    ]
    if number % 2:
        groups.append(
            ArchitectureGroup(SECOND, torch.full((1, SECOND.num_parameters), number + 0.5), {"label": [8]})
        )
    return groups


def make(folder: Path, *, resume: bool = True) -> None:
    """What a maker does: skip what is done, write the rest, finish."""
    with PopulationWriter(folder, provenance=PROVENANCE, resume=resume) as writer:
        for number in range(writer.shards_done, SHARDS):
            writer.append_groups(shard(number), notes=f"shard {number}")
        writer.finish()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def small(value: float = 0.0, rows: int = 2) -> torch.Tensor:
    return torch.full((rows, FIRST.num_parameters), value)


@pytest.fixture
def complete(tmp_path: Path) -> dict[str, bytes]:
    """The files of a population that nothing interrupted."""
    make(tmp_path / "complete", resume=False)
    return files(tmp_path / "complete")


# Interruptions


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.slow
def test_killed_at_every_moment_that_matters(
    tmp_path: Path, complete: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every change on the disk ends in fsync, so dying before or after each of them covers them all.
    original = os.fsync
    left = [0]

    def fsync(descriptor: int) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    for survived in range(200):
        folder = tmp_path / f"p{survived}"
        left[0] = survived
        try:
            make(folder)
        except Killed:
            pass
        else:
            break
        if (folder / "index.json").exists():
            Population.open(folder).verify()
        else:
            with pytest.raises(PopulationError, match="unfinished"):
                Population.open(folder)
        left[0] = -1
        make(folder)
        assert files(folder) == complete
        Population.open(folder).verify()
    assert survived > 3 * SHARDS


def test_killed_again_and_again(
    tmp_path: Path, complete: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.fsync
    left = [0]

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    for _ in range(100):
        left[0] = 7
        try:
            make(tmp_path / "p")
        except Killed:
            continue
        break
    assert files(tmp_path / "p") == complete


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_process_killed_in_the_middle(tmp_path: Path, complete: dict[str, bytes]) -> None:
    program = """
import os, signal, sys
from tests.populations.test_writer import PROVENANCE, shard
from scalegmn.populations import _writer as module
from scalegmn.populations import PopulationWriter

with PopulationWriter(sys.argv[1], provenance=PROVENANCE) as writer:
    writer.append_groups(shard(0), notes="shard 0")
    # The parameters of shard 1 are on the disk, its metadata are not.
    module.write_atomically = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    writer.append_groups(shard(1), notes="shard 1")
"""
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    folder = tmp_path / "p"
    done = subprocess.run([sys.executable, "-c", program, str(folder)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(PopulationError, match="unfinished"):
        Population.open(folder)
    make(folder)
    assert files(folder) == complete


def test_half_written_files_are_cut_off(tmp_path: Path, complete: dict[str, bytes]) -> None:
    folder = tmp_path / "p"
    with PopulationWriter(folder, provenance=PROVENANCE) as writer:
        writer.append_groups(shard(0), notes="shard 0")
    (parameters,) = folder.glob("parameters-*")
    with parameters.open("ab") as file:
        file.write(b"half a row")
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"segments": [{"archit')
    (folder / "parameters-0123456789ab.f32").write_bytes(b"of an architecture nobody knows of")
    (folder / "shard-00001.parquet.tmp").write_bytes(b"PAR1")
    (folder / "shard-00001.parquet").write_bytes(b"PAR1")
    make(folder)
    assert files(folder) == complete


def test_finishing_needs_no_further_shard(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    with PopulationWriter(folder, provenance=PROVENANCE) as writer:
        writer.append_groups(shard(0))
    (parameters,) = folder.glob("parameters-*")
    with parameters.open("ab") as file:
        file.write(b"half a row")
    with PopulationWriter(folder, provenance=PROVENANCE, resume=True) as writer:
        writer.finish()
    assert len(Population.open(folder)) == 2


def no_space(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("more", [True, False])
def test_failed_step_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: bool) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(1.0), {})
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", no_space)
            with pytest.raises(DiskError, match="No space left"):
                writer.append_groups(
                    [
                        ArchitectureGroup(FIRST, small(2.0), {}),
                        ArchitectureGroup(SECOND, small_of_second(), {}),
                    ]
                )
        assert (writer.shards_done, len(writer)) == (1, 2)
        if more:
            writer.append(FIRST, small(3.0), {})
        writer.finish()
    population = Population.open(tmp_path / "p")
    rows = population.theta(range(len(population)))
    assert rows[:, 0].tolist() == ([1, 1, 3, 3] if more else [1, 1])
    assert population.architectures == (FIRST,)
    population.verify()


def small_of_second() -> torch.Tensor:
    return torch.zeros(1, SECOND.num_parameters)


# Resuming


@pytest.mark.parametrize("done", [0, 1])
def test_a_call_that_fails_before_anything_is_done_leaves_nothing(tmp_path: Path, done: int) -> None:
    folder = tmp_path / "p"
    with (
        pytest.raises(ConfigurationError, match="no such cluster"),
        PopulationWriter(folder, provenance=PROVENANCE) as writer,
    ):
        for number in range(done):
            writer.append_groups(shard(number))
        raise ConfigurationError("no such cluster")
    assert folder.exists() == bool(done)
    with PopulationWriter(folder, provenance=PROVENANCE, resume=bool(done)) as writer:
        assert writer.shards_done == done


def test_notes_and_counts_survive(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance=PROVENANCE) as writer:
        writer.append(FIRST, small(), {}, notes={"refused": [["a.pth", "empty"]]})
        writer.append_groups([], notes=None)
    with PopulationWriter(tmp_path / "p", provenance=PROVENANCE, resume=True) as writer:
        assert (writer.shards_done, len(writer), writer.finished) == (2, 2, False)
        assert writer.notes == [{"refused": [["a.pth", "empty"]]}, None]


def test_resuming_what_was_never_begun(tmp_path: Path, complete: dict[str, bytes]) -> None:
    make(tmp_path / "new" / "deep", resume=True)
    assert files(tmp_path / "new" / "deep") == complete


def test_resuming_what_is_finished_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path / "p")
    before = files(tmp_path / "p")
    with PopulationWriter(tmp_path / "p", provenance=PROVENANCE, resume=True) as writer:
        assert (writer.finished, writer.shards_done, len(writer)) == (True, SHARDS, 2 * SHARDS + 2)
        assert writer.notes[1] == "shard 1"
        writer.finish()
        with pytest.raises(PopulationError, match="finished; write new networks to a new folder"):
            writer.append(FIRST, small(), {"label": [0, 0]})
    assert files(tmp_path / "p") == before


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("provenance", "difference"),
    [
        ({**PROVENANCE, "seed": 2}, "seed: there 1, now 2"),
        ({**PROVENANCE, "recipe": {"steps": 11, "rate": 0.5}}, r"recipe: there .*10.*, now .*11"),
        ({"maker": "test", "seed": 1}, r"recipe: there .*, now None"),
        ({**PROVENANCE, "more": None}, "more: there None, now None"),
    ],
)
def test_resuming_with_other_settings(
    tmp_path: Path, finished: bool, provenance: Mapping[str, object], difference: str
) -> None:
    with PopulationWriter(tmp_path / "p", provenance=PROVENANCE) as writer:
        writer.append(FIRST, small(), {})
        if finished:
            writer.finish()
    with pytest.raises(PopulationError, match=rf"cannot be resumed.*{difference}"):
        PopulationWriter(tmp_path / "p", provenance=provenance, resume=True)
    # The refusal must not keep others from the population.
    PopulationWriter(tmp_path / "p", provenance=PROVENANCE, resume=True).close()


def test_resuming_under_other_versions_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    PopulationWriter(tmp_path / "p", provenance={}).close()
    monkeypatch.setattr("scalegmn.populations._journal.library_versions", lambda: {"torch": "99"})
    for _ in range(2):
        with PopulationWriter(tmp_path / "p", provenance={}, resume=True) as writer:
            writer.append(FIRST, small(), {})
    with PopulationWriter(tmp_path / "p", provenance={}, resume=True) as writer:
        writer.finish()
    versions = Population.open(tmp_path / "p").versions
    assert [entry["torch"] for entry in versions] == [str(torch.__version__), "99"]


@pytest.mark.parametrize("finished", [True, False])
def test_a_population_is_not_overwritten(tmp_path: Path, finished: bool) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        if finished:
            writer.finish()
    with pytest.raises(PopulationError, match=r"already; continue it with resume=True \(--resume\)"):
        PopulationWriter(tmp_path / "p", provenance={})


@pytest.mark.parametrize("resume", [True, False])
def test_foreign_folders_are_left_alone(tmp_path: Path, resume: bool) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(PopulationError, match=r"holds 'thesis\.tex' and is no population"):
        PopulationWriter(tmp_path, provenance={}, resume=resume)
    with pytest.raises(PopulationError, match="is a file"):
        PopulationWriter(tmp_path / "thesis.tex", provenance={}, resume=resume)
    assert files(tmp_path) == {"thesis.tex": b"all my work"}


@pytest.mark.skipif(sys.platform == "win32", reason="writers are not locked there")
def test_two_writers_at_once(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(1.0), {})
        with pytest.raises(DiskError, match="another command is writing there"):
            PopulationWriter(tmp_path / "p", provenance={}, resume=True)
        writer.append(FIRST, small(2.0), {})
        writer.finish()
    assert Population.open(tmp_path / "p").theta(range(4))[:, 0].tolist() == [1, 1, 2, 2]


def damage_journal(folder: Path, change: Callable[[list[dict[str, object]]], object]) -> None:
    path = folder / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[0].update(version=2), "version 2 is newer"),
        (lambda lines: lines[0].update(format="x"), "does not belong to a population"),
        (lambda lines: lines[1].pop("segments"), "damaged journal .*segments"),
        (lambda lines: lines[1]["segments"][0].update(architecture=5), "damaged journal"),
        (lambda lines: lines.pop(0), "does not belong to a population"),
    ],
)
def test_damaged_journal(
    tmp_path: Path, change: Callable[[list[dict[str, object]]], object], message: str
) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(), {})
    damage_journal(tmp_path / "p", change)
    with pytest.raises(PopulationError, match=message):
        PopulationWriter(tmp_path / "p", provenance={}, resume=True)


def test_journal_with_a_damaged_line_in_the_middle(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(), {})
    path = tmp_path / "p" / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"rows"', b'"ro\x00s"'))
    with pytest.raises(PopulationError, match=r"damaged journal .*cannot be resumed"):
        PopulationWriter(tmp_path / "p", provenance={}, resume=True)


def test_files_lost_before_resuming(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(), {"label": [1, 2]})
    (parameters,) = (tmp_path / "p").glob("parameters-*")
    metadata = tmp_path / "p" / shard_name(0)
    data, table = parameters.read_bytes(), metadata.read_bytes()

    def refused(message: str) -> None:
        with pytest.raises(PopulationError, match=message):
            PopulationWriter(tmp_path / "p", provenance={}, resume=True)

    parameters.write_bytes(data[:-1])
    refused(rf"{len(data) - 1} bytes long, expected at least {len(data)}")
    parameters.unlink()
    refused("missing, expected at least")
    parameters.write_bytes(data)
    metadata.write_bytes(table[:-1])
    refused(r"shard-00000\.parquet: damaged")
    metadata.unlink()
    refused(r"shard-00000\.parquet: missing")


# What is refused


def bad(value: float) -> torch.Tensor:
    theta = small()
    theta[1, 3] = value
    return theta


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        (bad(float("nan")), r"1 networks hold parameters that are NaN or infinite .* first at \[1\]"),
        (bad(float("-inf")), "NaN or infinite"),
        (small().double() + 1e300, r"2 networks .*too large for float32"),
        (small()[:, 1:], r"shape \(2, 12\) .* expected floating point \(n, 13\) for 2-3-1"),
        (small()[0], r"shape \(13,\)"),
        (small().long(), r"type int64"),
        (np.zeros((2, 13), complex), r"type complex128"),
    ],
)
def test_bad_parameters(tmp_path: Path, theta: torch.Tensor | np.ndarray, message: str) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        with pytest.raises(PopulationError, match=message):
            writer.append(FIRST, theta, {"label": [0, 1]})
        writer.append(FIRST, small(5.0), {"label": [0, 1]})
        writer.finish()
    assert Population.open(tmp_path / "p").theta([0, 1])[:, 0].tolist() == [5, 5]


@pytest.mark.parametrize(
    "theta",
    [
        small(0.5).half(),
        small(0.5).bfloat16(),
        small(0.5).double(),
        small(0.5).numpy(),
        np.asfortranarray(small(0.5).double().numpy()),
        small(0.5, rows=4)[::2],
        small(0.5).requires_grad_(),
    ],
    ids=str,
)
def test_every_precision_is_stored_as_float32(tmp_path: Path, theta: torch.Tensor | np.ndarray) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, theta, {})
        writer.finish()
    assert torch.equal(Population.open(tmp_path / "p").theta([0, 1]), small(0.5))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"label": [1], "name": ["a", "b"]}, "column 'label' has 1 values for 2 networks"),
        (
            {"label": [1, 2]},
            r"missing \['name'\], unexpected \[\]; expected \['archi.*', 'label', 'name'\]",
        ),
        ({"label": [1, 2], "name": ["a", "b"], "mse": [0.1, 0.2]}, r"missing \[\], unexpected \['mse'\]"),
        ({"label": [1.5, 2], "name": ["a", "b"]}, "another type than in earlier shards"),
        ({"label": ["x", "y"], "name": ["a", "b"]}, "another type than in earlier shards"),
        ({"label": [1, "y"], "name": ["a", "b"]}, "column 'label' cannot be stored"),
        ({"label": [1, 2], "name": "ab"}, "column 'name' cannot be stored: one text instead of a list"),
        ({"label": np.zeros((2, 2)), "name": ["a", "b"]}, "column 'label' cannot be stored"),
        ({"architecture": [0, 0]}, "'architecture' cannot name a column"),
        ({"": [0, 0]}, "'' cannot name a column"),
    ],
)
def test_bad_columns(tmp_path: Path, columns: Mapping[str, list[object]], message: str) -> None:
    good = {"label": [1, 2], "name": ["a", "b"]}
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(), good)
        with pytest.raises(PopulationError, match=message):
            writer.append(FIRST, small(), columns)
        writer.append(FIRST, small(), good)
        writer.finish()
    assert Population.open(tmp_path / "p").column("label").tolist() == [1, 2, 1, 2]


def test_columns_of_one_shard_must_agree_too(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        groups = [
            ArchitectureGroup(FIRST, small(), {"label": [1, 2]}),
            ArchitectureGroup(SECOND, small_of_second(), {"class": [1]}),
        ]
        with pytest.raises(PopulationError, match=r"missing \['label'\], unexpected \['class'\]"):
            writer.append_groups(groups)
        assert writer.shards_done == 0


def test_columns_come_in_every_form(tmp_path: Path) -> None:
    forms = [[3, 4], (3, 4), np.array([3, 4], np.uint8), torch.tensor([3, 4]), pa.array([3, 4])]
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(rows=0), {"error": [], "label": []})
        writer.append(FIRST, small(), {"error": [None, None], "label": [3, 4]})
        for label in forms:
            writer.append(FIRST, small(), {"label": label, "error": ["bad", None]})
        writer.append(FIRST, small(rows=0), {"error": [], "label": np.array([])})
        writer.finish()
    population = Population.open(tmp_path / "p")
    assert population.column("label").tolist() == [3, 4] * 6
    assert population.column("error").tolist() == [None, None, *["bad", None] * 5]
    # What was read can be written again as it is.
    with PopulationWriter(tmp_path / "q", provenance={}) as writer:
        columns = {name: population.metadata[name] for name in population.columns}
        writer.append(FIRST, population.theta(range(12)), columns)
        writer.finish()
    assert Population.open(tmp_path / "q").column("error").tolist() == population.column("error").tolist()


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), np.int64(3), Path("x")], ids=str)
def test_provenance_and_notes_must_fit_json(tmp_path: Path, value: object) -> None:
    with pytest.raises(PopulationError, match=r"provenance .* is not fit for JSON"):
        PopulationWriter(tmp_path / "p", provenance={"seed": value})
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        with pytest.raises(PopulationError, match="the notes are not fit for JSON"):
            writer.append(FIRST, small(), {}, notes=value)
        assert writer.shards_done == 0


def test_closed_writer(tmp_path: Path) -> None:
    with PopulationWriter(tmp_path / "p", provenance={}) as writer:
        writer.append(FIRST, small(), {})
    with pytest.raises(PopulationError, match="the population is closed"):
        writer.append(FIRST, small(), {})
    with pytest.raises(PopulationError, match="open it again with resume=True"):
        writer.finish()
