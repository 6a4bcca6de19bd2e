"""Operations of one forward pass at the published settings, beside those of the plain forwards.

    python -m benchmarks.operations [--settings mnist_cls/scalegmn ...]

Counts multiplications and additions of matrix products, which do not depend on the machine.  A "unit" is a
linear map on every edge, E * D^2 products; the last column is the speed-up over the public code that the
counts alone would give, were both as fast per operation.
"""

from __future__ import annotations

import argparse

import torch
from benchmarks.published import SETTINGS
from benchmarks.sides import ask_of, batch_of, config_of, fresh, model_of, plain_of
from torch.utils.flop_counter import FlopCounterMode


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    options = parser.parse_args()
    heads = ("MFLOP", "units", "plain MFLOP", "units", "public MFLOP", "fewer")
    print(f"{'setting':30}" + "".join(f"{head:>13}" for head in heads))
    for name in options.settings:
        setting = SETTINGS[name]
        config = config_of(setting)
        model = model_of(setting, config).eval().requires_grad_(False)
        batch = batch_of(setting, 4, "cpu")
        unit = 2e-6 * batch.graph.num_edges / 4 * config.features**2
        counts = []
        for formula in (model, plain_of(model)):
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                ask_of(formula)(fresh(batch))
            counts.append(counter.get_total_flops() * 1e-6 / 4)
        public = setting.public.mflop
        ends = f"{public:13.0f}{public / counts[0]:13.2f}" if public else f"{'-':>13}{'-':>13}"
        line = "".join(f"{count:13.0f}{count / unit:13.1f}" for count in counts)
        print(f"{name:30}{line}{ends}", flush=True)


if __name__ == "__main__":
    main()
