from ._checks import FREE_ON_RESUME, mistakes_of, mistakes_of_work, other_networks
from ._config import Accelerator, DataConfig, LoggingConfig, RunConfig, Schedule, TrainingConfig
from ._data import BatchOrder, Data, Networks, PopulationData
from ._edited import edited_by
from ._embedding import Points, Projection, project, trained_model, untrained_model, vectors_of
from ._evaluation import evaluate
from ._files import create_json, json_text, write_json, write_text
from ._finished import FinishedTraining
from ._fit import train, versions
from ._gathering import FILE, NUMBER, gather
from ._inference import device_called, device_of, evaluating, outputs_on
from ._invariance import Invariance, measure_invariance
from ._memory import kept_memory
from ._metanetworks import make_metanetwork
from ._module import FitModule
from ._own_networks import learnt_note, own_splits
from ._parsing import Entry, entries_of, flat_items, for_help, parse_entries, parse_plain
from ._prediction import DEFAULT_LEVEL, predict_files, predict_population
from ._reading import NetworkFile, ReadingOptions, read_network
from ._result_files import write_arrays
from ._row_files import check_row_file, write_rows
from ._run_folder import CONFIG, METRICS, MODEL, RESULTS, RUN, Run
from ._run_parsing import help_parser, parse_config, parse_plain_run, parse_run, run_entries
from ._run_predictor import Outcome, Prediction, Refusal
from ._selection import Selection, groups_among, select
from ._shipped import ConfigurationFile, described, find_configuration, is_comparison, shipped_names, text_of
from ._sources import Files, find_networks
from ._task import (
    TASKS,
    AnyTask,
    EditingTask,
    NumberTask,
    Picture,
    PredictionTask,
    Report,
    Table,
    Task,
    TaskContext,
)
from ._tasks import load_task, make_task
from ._typicality import SHARE, InvariantStatistics, Typicality, statistics_of
from ._vector_files import EmbeddedNetworks
from ._yaml_files import read_yaml, to_yaml

__all__ = [
    "CONFIG",
    "DEFAULT_LEVEL",
    "FILE",
    "FREE_ON_RESUME",
    "METRICS",
    "MODEL",
    "NUMBER",
    "RESULTS",
    "RUN",
    "SHARE",
    "TASKS",
    "Accelerator",
    "AnyTask",
    "BatchOrder",
    "ConfigurationFile",
    "Data",
    "DataConfig",
    "EditingTask",
    "EmbeddedNetworks",
    "Entry",
    "Files",
    "FinishedTraining",
    "FitModule",
    "Invariance",
    "InvariantStatistics",
    "LoggingConfig",
    "NetworkFile",
    "Networks",
    "NumberTask",
    "Outcome",
    "Picture",
    "Points",
    "PopulationData",
    "Prediction",
    "PredictionTask",
    "Projection",
    "ReadingOptions",
    "Refusal",
    "Report",
    "Run",
    "RunConfig",
    "Schedule",
    "Selection",
    "Table",
    "Task",
    "TaskContext",
    "TrainingConfig",
    "Typicality",
    "check_row_file",
    "create_json",
    "described",
    "device_called",
    "device_of",
    "edited_by",
    "entries_of",
    "evaluate",
    "evaluating",
    "find_configuration",
    "find_networks",
    "flat_items",
    "for_help",
    "gather",
    "groups_among",
    "help_parser",
    "is_comparison",
    "json_text",
    "kept_memory",
    "learnt_note",
    "load_task",
    "make_metanetwork",
    "make_task",
    "measure_invariance",
    "mistakes_of",
    "mistakes_of_work",
    "other_networks",
    "outputs_on",
    "own_splits",
    "parse_config",
    "parse_entries",
    "parse_plain",
    "parse_plain_run",
    "parse_run",
    "predict_files",
    "predict_population",
    "project",
    "read_network",
    "read_yaml",
    "run_entries",
    "select",
    "shipped_names",
    "statistics_of",
    "text_of",
    "to_yaml",
    "train",
    "trained_model",
    "untrained_model",
    "vectors_of",
    "versions",
    "write_arrays",
    "write_json",
    "write_rows",
    "write_text",
]
