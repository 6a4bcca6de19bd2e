"""Run the numeric tests again as users run the code: without checks of shapes, under other kernels.

Sums are rounded in another order, and with or without fused multiply-add, by the kernels of every kind of
processor.  A test that passes with one of them only is found here rather than on somebody else's machine, and
so is code that fails where no check of its annotations comes first.
Settings that change no bit of some sample results on this machine are left out, and named.

Arguments are handed on to pytest: ``.venv/bin/python .ci/kernels.py tests/nn -k invariant``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Instructions that may be used by PyTorch's own kernels, MKL (products of matrices), oneDNN (convolutions),
# NumPy's own kernels and its OpenBLAS; and what a processor must have so that they can be asked for.
SETTINGS = {
    "SSE4": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3,X86_V4",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "AVX-512": {"OPENBLAS_CORETYPE": "SkylakeX"},
}
NEEDS = {"SSE4": "sse4_2", "AVX2": "avx2", "AVX-512": "avx512f"}
# Tests without sums: of words, files and bytes.
NOT_NUMERIC = (
    "tests/checkpoints",
    "tests/reports",
    "tests/test_benchmarks.py",
    "tests/test_house.py",
    "tests/test_import_rule.py",
    "tests/test_shape_checks.py",
)
PROCESSES = "2"
SAME = {"error": "errors"}
SAMPLES = """
import hashlib, numpy, torch
dice = torch.Generator().manual_seed(0)
found = hashlib.sha256()
for dtype in (torch.float32, torch.float64):
    for rows, inner, columns in ((1, 64, 1), (3, 7, 5), (37, 129, 53), (64, 512, 64)):
        a = torch.randn(rows, inner, generator=dice, dtype=dtype)
        b = torch.randn(inner, columns, generator=dice, dtype=dtype)
        found.update((a @ b).numpy().tobytes())
        found.update((a.numpy() @ b.numpy()).tobytes() + numpy.exp(a.numpy()).tobytes())
        found.update(torch.bmm(a.expand(3, -1, -1), b.expand(3, -1, -1)).numpy().tobytes())
        found.update(torch.stack([a.sum(), a.exp().mean(), a.sin().std()]).numpy().tobytes())
    image = torch.randn(2, 3, 20, 20, generator=dice, dtype=dtype)
    kernel = torch.randn(8, 3, 3, 3, generator=dice, dtype=dtype)
    found.update(torch.nn.functional.conv2d(image, kernel).numpy().tobytes())
print(found.hexdigest())
"""


def main() -> int:
    """Run the tests under every setting, sum up, and return 1 if any of them failed."""
    began, counts, code = time.perf_counter(), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        preload = intel_kernels(Path(folder))
        seen = {sample({}): "the processor's own choice, which `make test` takes"}
        for name, setting in SETTINGS.items():
            if NEEDS[name] not in features():
                print(f"kernels: {name}: left out, this processor has no {NEEDS[name]}")
                continue
            variables = setting | preload
            print(f"\nkernels: {name}: {' '.join(f'{k}={v}' for k, v in variables.items())}", flush=True)
            found = sample(variables)
            if found in seen:
                print(f"kernels: {name}: left out, no different on this machine from {seen[found]}")
                continue
            seen[found] = name
            failed, outcome = numeric_tests(variables)
            code = code or failed
            counts += outcome
    kinds = [what for what in ("failed", "passed", "skipped", "errors") if counts[what]]
    total = ", ".join(f"{counts[what]} {what}" for what in kinds)
    print(f"==== {total or 'no tests ran'} in {time.perf_counter() - began:.2f}s ====", flush=True)
    return code


def features() -> set[str]:
    """What the processor can do, by the names of Linux; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"^flags\s*:(.*)$", path.read_text() if path.is_file() else "", flags=re.MULTILINE)
    return set(found[1].split()) if found else set()


def environment(variables: dict[str, str]) -> dict[str, str]:
    """That of this process and these variables; one thread a process, and no checks of shapes."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {**os.environ, **threads, "SCALEGMN_SHAPE_CHECKS": "off", **variables}


def intel_kernels(folder: Path) -> dict[str, str]:
    """A variable by which MKL takes Intel's kernels; none where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    library, source = folder / "intel_kernels.so", ROOT / ".ci" / "intel_kernels.c"
    if compiler is None or not sys.platform.startswith("linux"):
        print("kernels: without a C compiler MKL chooses by itself; its settings may change nothing")
        return {}
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library)}


def sample(variables: dict[str, str]) -> str:
    """A checksum of some results under these variables."""
    program = [sys.executable, "-c", SAMPLES]
    done = subprocess.run(program, env=environment(variables), check=True, capture_output=True, text=True)
    return done.stdout


def numeric_tests(variables: dict[str, str]) -> tuple[int, Counter[str]]:
    """Run pytest; its exit code, and how many tests passed and so on."""
    options = [f"--ignore={path}" for path in NOT_NUMERIC]
    program = [sys.executable, "-m", "pytest", "-q", "-n", PROCESSES, "-p", "no:cacheprovider", *options]
    program += sys.argv[1:]
    last = ""
    with subprocess.Popen(
        program, cwd=ROOT, env=environment(variables), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            print(line, end="", flush=True)
            last = line if re.search(r" in [\d.]+s", line) else last
    found = re.findall(r"(\d+) ([a-z]+)", last)
    return running.returncode, Counter({SAME.get(what, what): int(number) for number, what in found})


if __name__ == "__main__":
    sys.exit(main())
