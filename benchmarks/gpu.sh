#!/usr/bin/env bash
# All that is to be known about a GPU, by one command of at most eight minutes, on a machine with PyTorch.
#
#   benchmarks/gpu.sh OUTPUT [--device cuda] [--seconds 470] [--stages NAME ...] [--population FOLDER] [--small]
#
# OUTPUT is a new folder; gpu.json and gpu.md are written into it, and everything else that is written is in it too.
# Nothing is installed and nothing is fetched: torch, torch_geometric, numpy, scipy, safetensors, jaxtyping and
# lazy_loader must be importable, and are all that most stages need; --population is FashionMNIST-INRs for the training
# (random networks without it).  --device cpu --small tries the script where there is no GPU.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [ $# -lt 1 ] || [ "${1#-}" != "$1" ]; then
	echo "usage: benchmarks/gpu.sh OUTPUT [options]; OUTPUT is a new folder" >&2
	exit 2
fi
if [ -e "$1" ]; then
	echo "error: $1 exists already; name a new folder" >&2
	exit 2
fi
mkdir -p "$1/scratch"
output="$(cd "$1" && pwd)"
shift
export PYTHONPATH="$root/src:$root" PYTHONDONTWRITEBYTECODE=1 CI=true TMPDIR="$output/scratch"
export XDG_CACHE_HOME="$output/scratch/cache" XDG_STATE_HOME="$output/scratch/state" MPLCONFIGDIR="$output/scratch/plots"
export TORCHINDUCTOR_CACHE_DIR="$output/scratch/inductor" TRITON_CACHE_DIR="$output/scratch/triton"
cd "$root"
status=0
"${PYTHON:-python3}" -m benchmarks.gpu --output "$output" "$@" || status=$?
rm -rf "$output/scratch"
rmdir "$output" 2>/dev/null || true # nothing was measured
exit "$status"
