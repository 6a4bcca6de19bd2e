from ._claims import claim_folder, new_folder
from ._failures import writing
from ._whole_files import create_file, replace_file

__all__ = ["claim_folder", "create_file", "new_folder", "replace_file", "writing"]

# For other rooms of the house; no promise is made about these.
from ._checksums import file_sha256 as file_sha256
from ._claims import LOCK as LOCK
from ._claims import holds_something as holds_something
from ._claims import writer_in as writer_in
from ._failures import check_no_url as check_no_url
from ._failures import sentence_of as sentence_of
from ._whole_files import make_folder as make_folder
from ._whole_files import remove_remains as remove_remains
