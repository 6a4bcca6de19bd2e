"""``scalegmn edit``: change networks with a trained editor, and write new ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jsonargparse import ArgumentParser

from scalegmn.checkpoints import SUFFIXES
from scalegmn.cli.exit_codes import DATA, OK
from scalegmn.cli.general_options import shows_progress
from scalegmn.cli.model_options import (
    add_model_options,
    add_reading_options,
    check_batch_size,
    reading_options,
)
from scalegmn.cli.output import complain, say, tell
from scalegmn.cli.parsers import CommandParser
from scalegmn.disk import new_folder
from scalegmn.editing import SHEET, EditedFiles, Pictures, TrainedEditor, edit_files, edit_population
from scalegmn.errors import ConfigurationError
from scalegmn.populations import Population
from scalegmn.reports import contact_sheet, save_figure
from scalegmn.training import ReadingOptions, Run

HELP = "edit the images that sine networks represent with a trained editor; writes new networks"

EXAMPLES: Final = (
    "scalegmn edit runs/dilation network.pt -o edited.pt # one file",
    "scalegmn edit runs/dilation populations/digits_inrs -o populations/dilated # a population",
)


def build_parser() -> ArgumentParser:
    """The options of the command."""
    parser = CommandParser(
        examples=EXAMPLES,
        prog="scalegmn edit",
        description=f"{HELP.capitalize()}. Files keep their name and format; one that cannot be read is "
        "reported and the others are done, with exit code 3. Nothing is written over.",
        default_env=False,
    )
    parser.add_argument("run", type=Path, help="run folder of a training with task: inr_editing")
    parser.add_argument(
        "input", type=Path, nargs="+", help="files (.safetensors, .npz, .pt or .pth), or one population"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="a new or empty folder for the files, or of the new population; for a single file also a file",
    )
    add_model_options(parser, batch_size=64)
    add_reading_options(parser)
    parser.add_argument("--resume", action="store_true", help="populations: continue an interrupted run")
    return parser


def run(argv: Sequence[str]) -> int:
    """Edit, and draw a contact sheet beside the new networks."""
    options = build_parser().parse_args(list(argv))
    check_batch_size(options)
    paths: list[Path] = options.input
    if any(path.is_dir() for path in paths) and len(paths) > 1:
        raise ConfigurationError(
            f"{', '.join(map(str, paths))}: expected files, or one population; edit a population by itself"
        )
    editor = TrainedEditor(Run.open(options.run), device=options.device, batch_size=options.batch_size)
    if paths[0].is_dir():
        edited = edit_population(
            editor,
            Population.open(paths[0]),
            options.output,
            resume=options.resume,
            progress=shows_progress(),
        )
        say(f"{edited.networks} edited networks are in {edited.folder}")
        _draw(edited.pictures, editor, edited.folder / SHEET)
        return OK
    if options.resume:
        raise ConfigurationError("--resume works for populations only; edit the files into a new folder")
    return _edit_files(editor, paths, options.output, reading_options(options))


def _edit_files(editor: TrainedEditor, paths: Sequence[Path], output: Path, reading: ReadingOptions) -> int:
    # A name like that of the file that is edited, such as network.ckpt, is one of a file too.
    suffixes = {*SUFFIXES, *(path.suffix.lower() for path in paths if path.suffix)}
    as_file = output.suffix.lower() in suffixes and not output.is_dir()
    if as_file and len(paths) > 1:
        raise ConfigurationError(f"--output {output}: one file for {len(paths)} networks; name a folder")
    if as_file:
        done = edit_files(editor, paths, output, as_file=True, reading=reading)
        if done.written:
            say(f"the edited network is {output}")
            _draw(done.pictures, editor, output.with_suffix(".png"))
        return _complain(done)
    with new_folder(output) as place:
        done = edit_files(editor, paths, place, reading=reading)
        if done.pictures is not None and done.written:
            _save(done.pictures, editor, place / SHEET)
    if done.written:
        say(f"{len(done.written)} edited networks: {len(done.written)} files in {output}")
        tell(f"A contact sheet is in {output / SHEET}")
    return _complain(done)


def _draw(pictures: Pictures | None, editor: TrainedEditor, path: Path) -> None:
    if path.exists():
        complain(f"scalegmn edit: {path} was there before and was left alone")
    elif pictures is not None:
        _save(pictures, editor, path)
        tell(f"A contact sheet is in {path}")


def _save(pictures: Pictures, editor: TrainedEditor, path: Path) -> None:
    title = f"{editor.task.config.edit}; target: {pictures.reference}"
    figure = contact_sheet(
        pictures.before,
        pictures.target,
        pictures.after,
        title=title if pictures.target is not None else editor.task.config.edit,
    )
    save_figure(figure, path, replace=False)


def _complain(done: EditedFiles) -> int:
    for path, note in done.notes:
        say(f"{path}: {note}")
    for refusal in done.refused:
        complain(f"scalegmn edit: {refusal.reason}")
    return DATA if done.refused else OK
