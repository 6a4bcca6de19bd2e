"""Files of the CNN Wild Park for tests: an authentic one, and others that are made like it.

The published checkpoints hold an object of OmegaConf.  The project does not need that library: ``AUTHENTIC``
was written once by torch 2 and OmegaConf 2.3, and :func:`write_checkpoint` writes the same kinds of objects
from classes that exist only while it writes.
"""

from __future__ import annotations

import base64
import json
import lzma
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PosixPath
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from scalegmn.networks import WildLayout
from scalegmn.seeding import generator

_SAMPLER = "experiments.cnn_generalization.dataset.cnn_sampler"


def config_of(layout: WildLayout) -> dict[str, Any]:
    """The configuration of a network as plain data."""
    return {
        "n_layers": len(layout.channels),
        "n_classes": 10,
        "channels": [3, *layout.channels],
        "kernel_size": list(layout.kernels),
        "stride": [1] * len(layout.channels),
        "padding": [kernel // 2 for kernel in layout.kernels],
        "residual": list(layout.residuals),
        "activation": list(layout.activations),
    }


def state_of(layout: WildLayout, *, seed: int = 0) -> dict[str, Tensor]:
    """A state dict that fits."""
    architecture = layout.architecture(inputs=3, outputs=10)
    theta = torch.randn(architecture.num_parameters, generator=generator(seed, architecture.fingerprint))
    return architecture.unflatten(theta)


def write_checkpoint(
    path: Path,
    *,
    config: Mapping[str, Any],
    state: Mapping[str, Tensor],
    accuracy: float = 0.5,
    step: int = 10,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint as the authors' program does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _omegaconf() as library:
        whole = library.to_node(
            {"name": "cifar10_zooV2", "data": PosixPath("/x"), "model": dict(config)}, None
        )
        content = {
            "model": {name: value.clone() for name, value in state.items()},
            "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3}]},
            "config": vars(whole)["_content"]["model"],
            "iteration": step,
            "timesteps_total": None,
            "last_result": {"test/acc": accuracy, "test/loss": 1.5, "config": library.data_class(config)},
        }
        torch.save(content | dict(more or {}), path)


@dataclass(frozen=True)
class _Library:
    kinds: Mapping[str, type]

    def make(self, name: str, attributes: Mapping[str, object]) -> object:
        made = self.kinds[name]()
        vars(made).update(attributes)
        return made

    def to_node(self, value: object, parent: object, key: object = None) -> Any:
        """The object that OmegaConf makes of plain data."""
        metadata = self.make("ContainerMetadata", {"key": key, "ref_type": Any, "flags": {}})
        common = {"_metadata": metadata, "_parent": parent, "_flags_cache": None}
        if isinstance(value, dict | list):
            node = self.make("DictConfig" if isinstance(value, dict) else "ListConfig", {})
            content = (
                {k: self.to_node(v, node, k) for k, v in value.items()}
                if isinstance(value, dict)
                else [self.to_node(v, node, k) for k, v in enumerate(value)]
            )
            vars(node).update(common | {"_content": content})
            return node
        name = {int: "IntegerNode", str: "StringNode"}.get(type(value), "AnyNode")
        return self.make(
            name, {"_metadata": metadata, "_parent": parent, "_flags_cache": None, "_val": value}
        )

    def data_class(self, config: Mapping[str, object]) -> object:
        """The object that the architecture was drawn as."""
        return self.make("CNNConfig", config)


@contextmanager
def _omegaconf() -> Iterator[_Library]:
    """Classes under the names of those of OmegaConf, which can be pickled as long as this lasts."""
    of = {
        "ContainerMetadata": "omegaconf.base",
        "DictConfig": "omegaconf.dictconfig",
        "ListConfig": "omegaconf.listconfig",
        "AnyNode": "omegaconf.nodes",
        "IntegerNode": "omegaconf.nodes",
        "StringNode": "omegaconf.nodes",
        "CNNConfig": _SAMPLER,
    }
    kinds = {name: type(name, (), {"__module__": module}) for name, module in of.items()}
    names = {name.rsplit(".", count)[0] for name in of.values() for count in range(name.count(".") + 1)}
    modules = {name: ModuleType(name) for name in names}
    for name, kind in kinds.items():
        setattr(modules[of[name]], name, kind)
    with mock.patch.dict(sys.modules, modules):
        yield _Library(kinds)


def write_splits(path: Path, rows: Sequence[tuple[str, str, float, int]]) -> None:
    """Write the splits file for (split, path, score, step)."""
    content = {
        split: {
            "path": [row[1] for row in rows if row[0] == split],
            "score": [row[2] for row in rows if row[0] == split],
            "step": [row[3] for row in rows if row[0] == split],
        }
        for split in ("train", "val", "test")
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def authentic() -> bytes:
    """A checkpoint.pt of torch and OmegaConf 2.3: channels 3-4-8-4, kernels 3, 5, 3, a residual from 0 to 2.

    Number k of all parameters in their order is ``(k % 7) / 4 - 0.75``.  Its accuracy is 0.4321, its step 20.
    """
    return lzma.decompress(base64.b64decode(AUTHENTIC))


AUTHENTIC = (
    "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4H50DzhdACgSvGAn5w2LqFI3gIZ4yt19mCHjPNwYVQQ1jwgjswiuz5HazsTgU3kudpfP"
    "N1bQ2Zv68yauq0Otui8VJvMeGCpeqHd5B9SjYwvid4A62umc2nkjNjG8BtWuI3ICts4lwm8XrNZZFPSybGQaasggMJpvb0l4kixu"
    "jOrOdKTqTQYSK0dxiPYdtSUrSeRtUo/SbN4+hDK/UKhFsayKQnhvhFO7am21ZKmkN1CXeH56/mZsjg5DanPL9fmoHvY9lNj5xNZ3"
    "+wRyuTrdOTv/pgui0sPxZ0ccaHX3p3aXpyBNC9T036jn0Wr/q7ENwz1NkJx0Y6SuEe5E+32476/jMHtbUamnRdemkTwF6SHB26/z"
    "fbVpTlEspgsVZIxBPP94c7nXJkazKyrxy1ETO6Zx7zn7MHyuuAEWDTNF4NxrkKF+a3/599dw+BhiD1bvFL8pp1w2J1aZnX9Jg95L"
    "alHRDqKUlHE5ytH2/r4zqNcXuZ3lZKxc3lPzO0ZJLEMJc03sugLwEk5uXFRRKKgQJdK/+2UPUX6YREkZUsNT+MG4z4jRDWIdAD8e"
    "tYpbuLsDrkNbF8JpIPPg+NnygvHA3yJziPuj1U9BgbWlKFGXXp4J2B2VE0lDfoScJRHGBr0vrQrNdHAAvzh3R02cefWdKM+h+qWY"
    "4RmLrCyDCtBfNT+5gQkJmL0YmJ6dzIXtmhqQiaMNsKdmZdH8srCbcbYdRVVxMI6EqKt17J0cjMDQG/VJiiq1HKiwpbCUEsAFVEPW"
    "UuKWm7AAunONIX/uedPEAu/rasupkl4AY+dgJ3WFUtnSH5LJYyDpNsKtzGXaNg+LyorXy6zrctvrvvL7TQa8dtUySBYSpn7wSV0a"
    "tcaF8S3GFBtw2K3yuwJ80hi6HQCCp/iFMh4JKIKdo0KxADkYCv6cYOFGkPWvBENfkjD9RwHl0sMMfL+/PvxQKBCPhh2wzPn9+YTq"
    "E5Sz8cAjMmlh2BlfCgKbigx5Z7cGHNX1OTf95R/Q/iyFzV6b8aZo8sX8Rboe0RB8geUVJb+DYYojlPTIXsA8oFYmaFqzubt9elZQ"
    "X8ziIdGnd711ubXQPdEnQBaIg7tEtLn2IPy2rictjE9iDpf+j8YCYsqUgSfYyly+r3OtVgX1z5b0Pfa4yoIIqsMrHm64pBs7sj7E"
    "0TNQHQDabycwqN6Ium4KMTOr2mhjCVQqZAMBm6elrahUSY9qtFjqYZpPlgFP93NAou1X730HfOslZp01AL3tNGFtorMnYgtvxKTM"
    "s0kGgaRxmlkNGSETh8/eiWq4Qw7Kc/EDH6Cl3vm1AsGgr4DB6q5OxnzUYscIukJ2zz9NWQxp8d+bmWCSDVp3kYNoxfJxU9yCKjOR"
    "WbOT1Z/rFJ62Gm78cGwjYsPcC2GbQ71MOXcBv5p5pfWNyDtlH5r3HUBFhuw8nY+xTC39GPWXObi3yGWUR1BurMHob2E3S5GZpDGD"
    "8H36ha2tyBNhq9DT7vxsIbLCRZlaF4B+9hrDHJrunK/rmyYLsWjX34H1HqnP70ux1YMVoSfsjYlg42kkdoxe7Vv8o60qtNjjK4ve"
    "qvLmUuxo0X2tL8PjBc0QgH2Bu+9PkZBi8F2r1kj99D5Lk6CfoOxVl2bwir6Jyx3QFxeM3b2TUF6ScrzKQti0wRYV6cYFcM74clVc"
    "3kZDvB7tg1ScgXkk6TGGGF1LVSPKn56NoPtTCAZoPLsTiqhmE6/p0Uox/53GI431CVsQDcciNAHvLx1OpKye/OnrhTr8k9J7hvSE"
    "9iVDT5nrG+Z7CJ28tYSo5A8u11fGNDksD4avRDzQCC2afPEaZfOFLp2WkO1vyvZK+yZ5aTKp5yXqB25k82g+shzmZr1CwlXPP6WU"
    "Vfoyf8Pz/aDZy0DOrh5JFor8j2bp2eFfd/zN5766J0wEDXJHC7MNOOAj3cl5bota4E8tma0Tu+m/J+IIBRvZQ3tLzZe3MqYo6d+8"
    "XE0GTwNCVetn/n41dw4HPGJLHDYxCpBA/m3RIa2f1fwfwPqDQODjNHH4isL5bpZXQfn40sVkO6rpGpW7o3JCQ3voWUCi7l6l9udR"
    "KhpjsHF6k2aNgK1J9ZwdRW5gYuTtT1ae6daHOJxAGcO38G9ELGEzC6agwVHApVjXzR7Gbznxwl1Vd5S9glUvavPNQ65KMiwgcTbJ"
    "k913+0YwRKT48ZNrpoY1IT/qNLFVoiTTRC5ROlIObIvmVuJHylArF5tIyjsv0a9IqH8mRGcZnruv1xdaiao/mbeXCsemeO3ilsLS"
    "cdqzNkxx9q2BkD4h+pDzVixEXShyqGXh5EiaDYRTeqv8vFAmRYvFtTYqWJ1moGidR8R6JwV3Z7FFlL9IyfbANnq/6aZghzmoud+v"
    "nlgQinx7D8vMxLTPhAbe5BWx1du2Yxe+8g0T2BDAxOb4+Gk7aqzeAABFgrNKMvnoZ+a5Islsp6/4/L8+aIaJ2N1uMlAaDucHbAwl"
    "fDZH3GZQsgiOyXBo7DOGYQvGb4rWdAQq57ZOUBc5oTe1xEmoMal5asKLoHPdA4pbP1oQkA/w+R0hzuLrKU0vsScAS42leAzkeJTA"
    "OS6NTdy5mqPPPO57yaJ1NxGRO1QQdC/xiya4l33ldcbR6qT1ew1N1HVBXCY37dPWf250TmBMWSOEvQ1pYfNwfl2yunCMXkJRitGe"
    "ntL0FpJFU7IzYS3zn2IU7NP5Dl7JneOWiSi1bpTjPA2R2HWwXRXowzUXQvanLPeluVmIewKbMymsu5jEGyeHjFv72kfwWlyIIu8W"
    "8hJwbdBbCoCZMAuyngF9cVEU7PcfTKKmNww0Uo3KSz2/4x7jJZN8LDgkyVaJAZ1jFpmnrllQcFcVx1mEWy7XWon53XKsHk3Vf5nF"
    "PnqPhLWXvfeWbe1yD5WYlNdk1Kfo1dq71pHzaI5MvOsN+tEa7GIuNxAi9c1nTzFX2L+KPRb/Wg/aBMkz8IgwyARNJuUntyGeoV5I"
    "TL2hU5GkFFfD6CPY2pC2XML6BmmnOI+j34O0AP5Q+qP4tytMn5mxyl4H4wjQYRH9CIKxhFOv3nYdz1LF2tGqOgtIrAfC8WiOTscV"
    "EMK4lLrbzHsdcjmcIDGqQxe6PIftX3USw4IuYb8FqPh1pRJIIGxxrD8kErchRFG3u+fLaERMBTJ7KVapYqWorzC7KRH0+ntZ37Zy"
    "BvMVmKWuxwXAojU8CPn59tL5rMkrUHXwWhM/JD6ZEbP3oQMeX4dxCx9s/8/43eVMh5txZ1pyoROefSH7ORhNqhGyuEWvcE4HzKq1"
    "SvB60Tlqe2JLeTVG4PIl2B0oYMvw2o5a080/6Fw6SAHEtTHzJK3B144kIEfSUHm91RE36jk+fMXbRrlga4n20H9ehe94NQ5LkdO5"
    "/DDx7ReY5cmU16wP3ZD86PgBgW83VTpn81C60kaCn8QkN7+ZREWquX3hEEFgLa3KbiwlUeAHwkJCotreoJsAcVHSD0k1zOLBUPmd"
    "h8B8FFFcBi3Zw0+OphZ5E7iOt/ZRxunmCl86grxIaF8NdYNG3zQGu6mVuR87bfe9z4t23Epsg2oW0W4l6o2MySE41i+FuSeC6F1J"
    "GUKmDXTPwfx0vBprOGKJZ86f+BAQJyej4Fhdt8ZdDR1X5tFy5R1V2JzPoG9C+6PW0j5FnjcPFgJ6lf4h6wMhg499M3VXE3lluCCa"
    "ornQMt5eljoYDyIB6JYiINy5rZLK84j2BxBY/dyh+/inmlXNv8KwBdncRfm8GzlAsFkDQGv66o0RfkhG0TBivRdxQofPEB5eZzvI"
    "aERG0l5Efk7lyTW0YunZnBoo1nXjdxUw8iZP2odJJCj4FBgvkiBj4RkxqsE6RB4Ovg3M4ZToNu+LC7kN2fQQPhsmP06CnLf4fBJE"
    "yPU4o5SMDwHxsZy0t9TuSm2b3YnI3I099I4XuCWfyO20jM0c2X4+t95MRIEWm1yLKqXuiUQRGDi/JE9iZur90868jwxhoGj8J8IF"
    "jpbGYQSRlfNbFeah5MCoAA4Qky54cWZhwBobAJqemN9DwTK2WsmO6BJgUER2GnhAJu057dDFVgq2e2KnKGsknJNAXBml8ywYkJBw"
    "gAV69Jfmk9yXJiSz4j2nF2pX9xiZrZacTuwKLGkUrUGMlfBS5eg5vGbtIQHLnylL5erZBelsjEuIIV2f/npv2v6bh0H/iw+9hhpe"
    "d1YhMf50Ckw8z4JPC9d0pRX41vVMfVLDMyTPa4qWoCVewI+DVWsrj/qb1rRtgIrS4FqalcEBWI+eNlsADAxguXEPMOnWW/uexcbE"
    "45vEqa09cE3LJNjGySowg3wSx1fLwLDP/oq40lTYyOKB5koTgpSFaZk7YL+T8HLuoqTeYv1XnJgLHqY8xaIHt8wvPNgkT/7zqvyg"
    "/fvpxV3jEmPpOg7KG4rx3Uye7O+Mahr1tFVyFtnzExu3PCuVZyyoiK7orr3+Mi5SCKVDXImgRAg8J6yP1dEhgUa5vh2OGvxiKPih"
    "hAZv4PO12Mc/XNl8KL50aaA7gBm+/1AIwbH7fNqzACDnH6rYEgoXidmmwsTh9Mm4nZhgQSTUlgP4lMOlBy3v2eG7QzJjc2Al+qDf"
    "pIxKPWEBZQuJZN1entltWFwvykM5O59bSGwvo05aDpkAUzje1BmhLttkiL4K3/1niE9r+pfoIy6Bs+ce11dU0j+BqxtVzpL5bSwA"
    "I2Cj8MzpQFs750J0rE0YI4+jijjIcn17yDn84yiakqw7KzxdQamGEzpbe3b771UnVBQQKPGYAugMBLpePp3L0LFWWOYF1e/wAfO+"
    "1VxExjJkVi/0+rDjUDnjgW7Wy3/NoKkyeRCKOFJBBmmVG7BmARxluArffx6zsyPf1MrTrO5pwBjxii5bnCWgKN4hIu493lVMtHil"
    "tUnLfLvSxxe8n9maJPevN2c48nwfrTHo5G9DSfFle1m+B4ao4wtelnHygXTYJUIjteH80NIoSu6GqMpH9DRTA/z52vCHN33oVTo1"
    "DMgX2h5WPLg+6QhWVG+fHFfKAlSTBydUCaYuly1GNnfrvrjj4Vq9M67fbfCMr1zXq/SqxFxtdDH1KA1JfE6TF6QTLAtm2UZfx5By"
    "0SIk8ygfkPwFqcejMGpU/y7rsqWbCrrzYcfTQ7QnOzRem5SzF3o4zLBKYD+j46X2un1gbt3ys4zBRf8uP6G4wonwHEhMs1s1UJMI"
    "F1vTVntC+A8dRaThwj1gfAOK26gkjexbqkPZAD7rBHc7lq2bAAHUHvX8AQBn/leBscRn+wIAAAAABFla"
)
