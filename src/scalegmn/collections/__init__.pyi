from ._canonicalize import CanonicalizeReport, canonicalize_folder, canonicalize_population
from ._checkpoint_readers import NetworkReader
from ._collection import Collection, CollectionFile, CollectionListing, LoadedNetworks, RefusedFile
from ._exporting import export_population
from ._formats import COLLECTIONS, collection_named, register_collection
from ._importing import ImportReport, import_collection
from ._importing_checkpoints import import_checkpoints
from ._published import PublishedFormat
from .inrs import Cifar10Inrs, FashionMnistInrs, MnistInrs, NpzInrs, SplitCollection, generate_splits
from .small_cnn_zoo import SmallCnnZoo
from .wild_park import WildPark

__all__ = [
    "COLLECTIONS",
    "CanonicalizeReport",
    "Cifar10Inrs",
    "Collection",
    "CollectionFile",
    "CollectionListing",
    "FashionMnistInrs",
    "ImportReport",
    "LoadedNetworks",
    "MnistInrs",
    "NetworkReader",
    "NpzInrs",
    "PublishedFormat",
    "RefusedFile",
    "SmallCnnZoo",
    "SplitCollection",
    "WildPark",
    "canonicalize_folder",
    "canonicalize_population",
    "collection_named",
    "export_population",
    "generate_splits",
    "import_checkpoints",
    "import_collection",
    "register_collection",
]

# For other rooms of the house; no promise is made about these.
from ._checkpoint_files import TABLE as TABLE
from ._checkpoint_files import write_checkpoints as write_checkpoints
from ._checkpoint_readers import MAX_BYTES as MAX_BYTES
from ._collection import CLASSES as CLASSES
from ._collection import Value as Value
from ._collection import check_label as check_label
from ._collection import check_same_function as check_same_function
from ._collection import existing_folder as existing_folder
from ._collection import one_row as one_row
from ._collection import read_single as read_single
from ._collection import visible as visible
from ._collection import write_single as write_single
from ._importing import format_refusals as format_refusals
from ._published import lack as lack
from ._splits_files import SPLITS as SPLITS
from ._splits_files import SplitsFile as SplitsFile
from ._splits_files import path_end as path_end
from ._splits_files import read_split_entries as read_split_entries
from ._splits_files import read_splits as read_splits
from ._splits_files import write_splits as write_splits
