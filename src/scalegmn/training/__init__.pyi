from ._binned import Bins
from ._config import Accelerator, DataConfig, LoggingConfig, RunConfig, Schedule, TrainingConfig
from ._data import BatchOrder, Datasets
from ._embedding import ProjectedPoints, Projection, embed_networks, project, untrained_model
from ._ensemble import Ensemble, EnsembleConfig
from ._evaluation import evaluate
from ._finished import FinishedTraining
from ._fit import train
from ._invariance import Invariance, measure_invariance
from ._loading import PopulationData
from ._module import FitModule
from ._neighborhoods import Neighborhoods, SeenNetworks, compare_neighbors
from ._prediction import predict_files, predict_population
from ._reading import NetworkFile
from ._rewriting_test import RewritingTest
from ._rewritten import RewrittenFigures, evaluate_rewritten
from ._run_folder import Run
from ._run_parsing import parse_config, parse_run
from ._run_predictor import Prediction, PredictionOutcome
from ._selection import DataSelection
from ._shipped import find_configuration, shipped_names
from ._task import (
    TASKS,
    AnyTask,
    Report,
    ReportPicture,
    Table,
    Task,
    TaskContext,
)
from ._task_kinds import EditingTask, NumberTask, PredictionTask
from ._tasks import load_task, make_task
from ._typicality import InvariantStatistics
from ._vector_files import EmbeddedNetworks
from ._yaml_files import to_yaml

__all__ = [
    "TASKS",
    "Accelerator",
    "AnyTask",
    "BatchOrder",
    "Bins",
    "DataConfig",
    "DataSelection",
    "Datasets",
    "EditingTask",
    "EmbeddedNetworks",
    "Ensemble",
    "EnsembleConfig",
    "FinishedTraining",
    "FitModule",
    "Invariance",
    "InvariantStatistics",
    "LoggingConfig",
    "Neighborhoods",
    "NetworkFile",
    "NumberTask",
    "PopulationData",
    "Prediction",
    "PredictionOutcome",
    "PredictionTask",
    "ProjectedPoints",
    "Projection",
    "Report",
    "ReportPicture",
    "RewritingTest",
    "RewrittenFigures",
    "Run",
    "RunConfig",
    "Schedule",
    "SeenNetworks",
    "Table",
    "Task",
    "TaskContext",
    "TrainingConfig",
    "compare_neighbors",
    "embed_networks",
    "evaluate",
    "evaluate_rewritten",
    "find_configuration",
    "load_task",
    "make_task",
    "measure_invariance",
    "parse_config",
    "parse_run",
    "predict_files",
    "predict_population",
    "project",
    "shipped_names",
    "to_yaml",
    "train",
    "untrained_model",
]

# For other rooms of the house; no promise is made about these.
from ._binned import CURVE as CURVE
from ._binned import column_numbers as column_numbers
from ._checks import FREE_ON_RESUME as FREE_ON_RESUME
from ._checks import configuration_errors as configuration_errors
from ._checks import other_networks as other_networks
from ._checks import work_errors as work_errors
from ._data import NetworkDataset as NetworkDataset
from ._edited import edited_by as edited_by
from ._embedding import trained_model as trained_model
from ._embedding import vectors_of as vectors_of
from ._files import create_json as create_json
from ._files import json_text as json_text
from ._files import write_json as write_json
from ._files import write_text as write_text
from ._folds import MEAN_OF_FOLDS as MEAN_OF_FOLDS
from ._folds import OutOfFold as OutOfFold
from ._folds import out_of_fold as out_of_fold
from ._gathering import FILE as FILE
from ._gathering import NUMBER as NUMBER
from ._gathering import gather as gather
from ._inference import device_called as device_called
from ._inference import device_of as device_of
from ._inference import evaluating as evaluating
from ._inference import outputs_on as outputs_on
from ._memory import kept_memory as kept_memory
from ._metanetworks import make_metanetwork as make_metanetwork
from ._own_networks import own_splits as own_splits
from ._own_networks import training_networks_note as training_networks_note
from ._parsing import ConfigEntry as ConfigEntry
from ._parsing import config_entries as config_entries
from ._parsing import flat_items as flat_items
from ._parsing import for_help as for_help
from ._parsing import parse_entries as parse_entries
from ._parsing import parse_plain as parse_plain
from ._prediction import DEFAULT_LEVEL as DEFAULT_LEVEL
from ._reading import ReadingOptions as ReadingOptions
from ._reading import read_network as read_network
from ._result_files import write_arrays as write_arrays
from ._rewritten import ORIGINAL as ORIGINAL
from ._row_files import check_row_file as check_row_file
from ._row_files import write_rows as write_rows
from ._run_folder import CONFIG as CONFIG
from ._run_folder import METRICS as METRICS
from ._run_folder import MODEL as MODEL
from ._run_folder import OUTPUTS as OUTPUTS
from ._run_folder import RESULTS as RESULTS
from ._run_folder import RUN as RUN
from ._run_parsing import help_parser as help_parser
from ._run_parsing import parse_plain_run as parse_plain_run
from ._run_parsing import run_entries as run_entries
from ._run_predictor import RefusedNetwork as RefusedNetwork
from ._selection import groups_among as groups_among
from ._selection import rows_tested as rows_tested
from ._selection import select as select
from ._shipped import ConfigurationFile as ConfigurationFile
from ._shipped import describe_configuration as describe_configuration
from ._shipped import is_comparison as is_comparison
from ._shipped import text_of as text_of
from ._sources import Files as Files
from ._sources import find_sources as find_sources
from ._typicality import SHARE as SHARE
from ._typicality import Typicality as Typicality
from ._typicality import read_measured as read_measured
from ._typicality import statistics_of as statistics_of
from ._versions import versions as versions
from ._yaml_files import read_yaml as read_yaml
