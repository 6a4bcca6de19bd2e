from ._executor import Executor
from ._opening import open_executor
from ._work import Work

__all__ = ["Executor", "Work", "open_executor"]

# For other rooms of the house; no promise is made about these.
from ._cluster import RayCluster as RayCluster
from ._connecting import check_address as check_address
from ._devices import device_of_work as device_of_work
from ._devices import usable_device as usable_device
from ._sharing import require_folder as require_folder
from ._threads import LocalThreads as LocalThreads
from ._threads import thread_count as thread_count
from ._work import Report as Report
from ._work import fields_alone as fields_alone
