from ._checkpoint import Checkpoint, FileNetworks
from ._reading import read_networks, read_state
from ._values import read_tensors, read_values
from ._writing import SUFFIXES, write_like, write_state

__all__ = [
    "SUFFIXES",
    "Checkpoint",
    "FileNetworks",
    "read_networks",
    "read_state",
    "read_tensors",
    "read_values",
    "write_like",
    "write_state",
]

# For other rooms of the house; no promise is made about these.
from ._arrays import read_arrays as read_arrays
from ._bundles import LONGEST_INDEX as LONGEST_INDEX
from ._bundles import Bundle as Bundle
from ._bundles import Parts as Parts
from ._bundles import bundles_of as bundles_of
from ._bundles import parse_index as parse_index
from ._contents import ITEM_SIZES as ITEM_SIZES
from ._contents import Contents as Contents
from ._contents import ContentsEntry as ContentsEntry
from ._contents import Opaque as Opaque
from ._contents import Place as Place
from ._contents import Plain as Plain
from ._contents import RawTensor as RawTensor
from ._decoding import decode as decode
from ._folders import digest_of as digest_of
from ._folders import network_parts as network_parts
from ._foreign import ForeignCheckpoint as ForeignCheckpoint
from ._foreign import read_foreign as read_foreign
from ._keras_files import may_need_hdf5 as may_need_hdf5
from ._opening import OpenFile as OpenFile
from ._opening import file_changed_message as file_changed_message
from ._opening import open_file as open_file
from ._opening import too_much_memory as too_much_memory
from ._readers import DEFAULT_MAX_BYTES as DEFAULT_MAX_BYTES
from ._readers import FileContents as FileContents
from ._readers import FileReader as FileReader
from ._readers import Select as Select
from ._readers import read_bytes as read_bytes
from ._search import LINKED_FOLDER as LINKED_FOLDER
from ._search import FileSearch as FileSearch
from ._search import FoundFile as FoundFile
from ._search import checksum as checksum
from ._search import find_files as find_files
from ._search import read_small as read_small
from ._stand_ins import StandIn as StandIn
