from ._arrays import read_arrays
from ._bundles import LONGEST_INDEX, Bundle, Parts, bundles_of, parse_index
from ._checkpoint import Checkpoint, FileNetworks
from ._contents import ITEM_SIZES, Contents, Entry, Opaque, Plain, RawTensor
from ._decoding import decode
from ._folders import digest_of, network_parts
from ._foreign import ForeignCheckpoint, read_foreign
from ._opening import OpenFile, changed, open_file, too_much_memory
from ._readers import DEFAULT_MAX_BYTES, FileContents, FileReader, Select, read_bytes
from ._reading import read_networks, read_state
from ._search import LINKED_FOLDER, Found, Sought, checksum, find_files, read_small
from ._stand_ins import StandIn
from ._values import read_tensors, read_values
from ._writing import SUFFIXES, write_like, write_state

__all__ = [
    "DEFAULT_MAX_BYTES",
    "ITEM_SIZES",
    "LINKED_FOLDER",
    "LONGEST_INDEX",
    "SUFFIXES",
    "Bundle",
    "Checkpoint",
    "Contents",
    "Entry",
    "FileContents",
    "FileNetworks",
    "FileReader",
    "ForeignCheckpoint",
    "Found",
    "Opaque",
    "OpenFile",
    "Parts",
    "Plain",
    "RawTensor",
    "Select",
    "Sought",
    "StandIn",
    "bundles_of",
    "changed",
    "checksum",
    "decode",
    "digest_of",
    "find_files",
    "network_parts",
    "open_file",
    "parse_index",
    "read_arrays",
    "read_bytes",
    "read_foreign",
    "read_networks",
    "read_small",
    "read_state",
    "read_tensors",
    "read_values",
    "too_much_memory",
    "write_like",
    "write_state",
]
