"""Which devices networks can be computed on here."""

from __future__ import annotations

import importlib.util
import os
import platform
from pathlib import Path
from typing import Final

from scalegmn.cli.diagnosis.findings import Finding, Health

_FACTS: Final = Path("/proc/cpuinfo")
_FEATURES: Final = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "neon", "asimd", "sve")
"""What kernels of linear algebra make use of."""


def devices() -> list[Finding]:
    """The processor, CUDA and Metal, as PyTorch sees them."""
    if importlib.util.find_spec("torch") is None:
        return [Finding("cpu", Health.wrong, "PyTorch is not installed")]
    try:
        import torch
    except Exception as error:
        # A build for another machine fails in ways of its own.
        return [Finding("cpu", Health.wrong, f"PyTorch cannot be loaded: {type(error).__name__}: {error}")]
    kernels = torch.backends.cpu.get_cpu_capability()
    threads = torch.get_num_threads()
    used = f"{_cores()} cores, {threads} threads, kernels of PyTorch for {kernels}"
    told = [_processor(), used, *_features()]
    return [Finding("cpu", Health.ok, "; ".join(told)), _cuda(), _metal()]


def _cuda() -> Finding:
    import torch

    if not torch.cuda.is_available():
        built = f"PyTorch {torch.__version__}"
        why = f"{built} was built without it" if torch.version.cuda is None else f"{built} finds no device"
        return Finding("cuda", Health.absent, why)
    names = []
    for number in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(number)
        memory = f"{facts.total_memory / 2**30:.0f} GiB"
        names.append(f"{facts.name}, {memory}, compute capability {facts.major}.{facts.minor}")
    return Finding("cuda", Health.ok, "; ".join([*names, f"CUDA {torch.version.cuda}"]))


def _metal() -> Finding:
    import torch

    there = torch.backends.mps.is_available()
    return Finding("mps", Health.ok if there else Health.absent, "Metal" if there else "no device of Metal")


def _cores() -> int:
    """The number of cores that this process may use."""
    if platform.system() == "Linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    return _fact("model name") or platform.processor() or platform.machine()


def _features() -> list[str]:
    here = set((_fact("flags") or _fact("Features")).split())
    found = [name for name in _FEATURES if name in here]
    return [" ".join(found)] if found else []


def _fact(name: str) -> str:
    """What Linux says of the first processor; nothing elsewhere."""
    try:
        lines = _FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in found if key.strip() == name), "")
