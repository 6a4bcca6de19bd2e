"""Which names a pickle may mention.

A pickle can name any importable function and call it.  Nothing here ever looks a name up, so every name is
harmless to this library; but a file that names what can run code in another reader is refused, and that is
said. Names of other libraries are let through, because honest checkpoints hold configurations and the like;
those of Python's standard library, of its built-in functions and of torch are let through by the lists below
alone.
"""

from __future__ import annotations

import sys
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Final

from scalegmn.checkpoints._contents import ITEM_SIZES
from scalegmn.errors import UnsafeCheckpointError

# Characters of a name that a message shows.
_SHOWN: Final = 200

_BUILT_IN_TYPES: Final = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object"),
    *("range", "set", "slice", "str", "tuple", "unicode", "xrange", "Ellipsis", "NotImplemented"),
)
# Functions that configurations name as the activation of a network.
_FUNCTIONS: Final = (
    *(
        "celu",
        "elu",
        "gelu",
        "hardsigmoid",
        "hardswish",
        "hardtanh",
        "leaky_relu",
        "log_softmax",
        "logsigmoid",
    ),
    *("mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh"),
)
STORAGES: Final = {
    "BFloat16": "bfloat16",
    "Bool": "bool",
    "Byte": "uint8",
    "Char": "int8",
    "ComplexDouble": "complex128",
    "ComplexFloat": "complex64",
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "Int": "int32",
    "Long": "int64",
    "Short": "int16",
}
"""Kinds of torch's storages of numbers, and the type of the numbers."""

QUANTIZED: Final = {"QInt32": "qint32", "QInt8": "qint8", "QUInt8": "quint8"}
"""Storages of quantized tensors, which are named and not read."""

REBUILDERS: Final = {
    "_rebuild_tensor": "tensor",
    "_rebuild_tensor_v2": "tensor",
    "_rebuild_tensor_v3": "tensor",
    "_rebuild_parameter": "tensor",
    "_rebuild_parameter_with_state": "tensor",
    "_rebuild_sparse_tensor": "sparse tensor",
    "_rebuild_sparse_csr_tensor": "sparse tensor",
    "_rebuild_qtensor": "quantized tensor",
    "_rebuild_meta_tensor_no_storage": "meta tensor",
    "_rebuild_nested_tensor": "nested tensor",
    "_rebuild_device_tensor_from_numpy": "tensor of another device",
    "_rebuild_device_tensor_from_cpu_tensor": "tensor of another device",
    "_rebuild_wrapper_subclass": "tensor of another class",
}
"""Functions of ``torch._utils`` that make tensors, and what they make."""

FROM_TYPE: Final = "torch._tensor._rebuild_from_type_v2"
_HARMLESS: Final = frozenset(
    {
        "_codecs.encode",
        "inspect._empty",
        "logging.getLogger",
        "random.Random",
        "copyreg._reconstructor",
        "operator.getitem",
        "re._compile",
        "time.struct_time",
        "types.GenericAlias",
        "types.SimpleNamespace",
        *(f"builtins.{name}" for name in _BUILT_IN_TYPES),
        FROM_TYPE,
        "torch.Size",
        "torch.Tensor",
        "torch.device",
        "torch.memory_format",
        "torch.per_channel_affine",
        "torch.per_tensor_affine",
        "torch.serialization._get_layout",
        "torch.storage.TypedStorage",
        "torch.storage.UntypedStorage",
        "torch.torch_version.TorchVersion",
        *(f"torch._utils.{name}" for name in REBUILDERS),
        *(f"torch.nn.functional.{name}" for name in _FUNCTIONS),
        *(f"torch.{name}Storage" for name in (*STORAGES, *QUANTIZED)),
        *(f"torch.{name}" for name in (*ITEM_SIZES, *QUANTIZED.values())),
    }
)
# Classes of these do no more than describe a value; type hints, dates and paths are common in configurations.
_HARMLESS_MODULES: Final = frozenset(
    {
        *("argparse", "collections", "datetime", "decimal", "enum", "fractions", "ipaddress", "numbers"),
        *("pathlib", "pathlib._local", "typing", "uuid", "zoneinfo"),
    }
)
# Theirs that are written small; other small names are functions, or other modules that they import.
_SMALL_CLASSES: Final = frozenset(
    {
        *("collections.defaultdict", "collections.deque", "datetime.date", "datetime.datetime"),
        *("datetime.time", "datetime.timedelta", "datetime.timezone", "enum.auto"),
    }
)
_OPENS_FILES: Final = "argparse.FileType"
# What arrays, numbers and generators of NumPy are made by; its other functions can run code.
_NUMPY_CORES: Final = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMPY_SMALL: Final = frozenset(
    {
        *(f"{core}.{name}" for core in _NUMPY_CORES for name in ("_reconstruct", "scalar")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
        *("numpy.dtype", "numpy.ndarray", "numpy.matrix", "numpy.longdouble", "numpy.clongdouble"),
        *("numpy.str_", "numpy.bytes_", "numpy.bool_", "numpy.bool", "numpy.void", "numpy.object_"),
        *(f"numpy.{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64, 128)),
        *("numpy.complex64", "numpy.complex128", "numpy.datetime64", "numpy.timedelta64"),
        *(f"numpy.random._pickle.__{name}_ctor" for name in ("randomstate", "generator", "bit_generator")),
        "numpy.ma.core._mareconstruct",
    }
)
_NUMPY_CLASSES: Final = ("numpy.dtypes", "numpy.random", "numpy.ma.core")
_NUMPY_RUNS: Final = ("numpy.testing", "numpy.f2py", "numpy.distutils", "numpy.ctypeslib", "numpy.lib")
# Classes of modules and optimizers, as a file of torch.save(module) has them.
_HARMLESS_PACKAGES: Final = ("torch.nn.modules.", "torch.nn.parameter.", "torch.optim.")
# Names of Python 2 mean modules of today to Python's own reader; some modules have left Python since.
_FORMER: Final = frozenset({"asynchat", "asyncore", "distutils", "imp", "pipes", "popen2", "smtpd"})
_GUARDED_PACKAGES: Final = (
    frozenset({*sys.stdlib_module_names, "torch"})
    | _FORMER
    | {old.partition(".")[0] for old in (*IMPORT_MAPPING, *(module for module, _ in NAME_MAPPING))}
) - {"__main__"}
# What the modules were called in Python 2, whose names old protocols use.
_RENAMED: Final = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_LONGEST: Final = 1000


def check_name(module: object, name: object) -> str:
    """The name that a pickle looks up, as ``module.name``.

    Raises:
        UnsafeCheckpointError: it is none that a checkpoint needs.
    """
    if not isinstance(module, str) or not isinstance(name, str):
        raise unsafe(["<computed name>"])
    module = _RENAMED.get(module, module)
    text = f"{module}.{name}"
    package = module.partition(".")[0]
    runs = any(f"{module}.".startswith(f"{one}.") for one in _NUMPY_RUNS)
    harmless = is_known(text, module) or not (package in _GUARDED_PACKAGES or runs)
    # A dot in the name would reach through whatever the module has imported.
    if not harmless or "." in name or not module or not name or len(text) > _LONGEST:
        raise unsafe([text[:_SHOWN]])
    return text


def is_known(text: str, module: str) -> bool:
    """Whether a name is on the lists of what only describes values."""
    is_class = text[len(module) + 1 :][:1].isupper()
    if module in _HARMLESS_MODULES:
        return (is_class and text != _OPENS_FILES) or text in _SMALL_CLASSES
    if module.partition(".")[0] == "numpy":
        return text in _NUMPY_SMALL or (is_class and module.startswith(_NUMPY_CLASSES))
    return text in _HARMLESS or (is_class and f"{module}.".startswith(_HARMLESS_PACKAGES))


def unsafe(names: list[str]) -> UnsafeCheckpointError:
    """The error for a file that wants `names`; the caller raises it."""
    wanted = ", ".join(dict.fromkeys(names))
    return UnsafeCheckpointError(
        f"to read this file, Python would have to look up and possibly run {wanted}; it was refused and "
        "nothing ran; if you do not know who made it, delete it, and if it is your own, save only the "
        "weights where it was made: torch.save(module.state_dict(), 'weights.pt'), or as .safetensors"
    )
