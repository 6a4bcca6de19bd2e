from ._canonicalize import CanonicalizeReport, canonicalize_folder, canonicalize_population
from ._checkpoint_files import TABLE, write_checkpoints
from ._collection import (
    CLASSES,
    Collection,
    Entry,
    Listing,
    Networks,
    Refusal,
    Value,
    check_label,
    check_same_function,
    existing_folder,
    one_row,
    read_single,
    visible,
    write_single,
)
from ._exporting import export_population
from ._formats import COLLECTIONS, collection_named
from ._importing import ImportReport, import_collection, shown_refusals
from ._importing_checkpoints import MAX_BYTES, NetworkReader, import_checkpoints
from ._splits_files import SPLITS, SplitsFile, path_end, read_splits, write_splits
from .inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs, SplitCollection, generate_splits
from .small_cnn_zoo import SmallCnnZoo
from .wild_park import WildPark

__all__ = [
    "CLASSES",
    "COLLECTIONS",
    "MAX_BYTES",
    "SPLITS",
    "TABLE",
    "CanonicalizeReport",
    "Cifar10Inrs",
    "Collection",
    "Entry",
    "FashionMnistInrs",
    "ImportReport",
    "Listing",
    "MnistInrs",
    "NetworkReader",
    "Networks",
    "NpzInrs",
    "Refusal",
    "SmallCnnZoo",
    "SplitCollection",
    "SplitsFile",
    "Value",
    "WildPark",
    "canonicalize_folder",
    "canonicalize_population",
    "check_label",
    "check_same_function",
    "collection_named",
    "existing_folder",
    "export_population",
    "generate_splits",
    "import_checkpoints",
    "import_collection",
    "one_row",
    "path_end",
    "read_single",
    "read_splits",
    "shown_refusals",
    "visible",
    "write_checkpoints",
    "write_single",
    "write_splits",
]
