"""Ray would write a token into the home of whoever runs the tests, unless there is one."""

from __future__ import annotations

import os

os.environ.setdefault("RAY_AUTH_TOKEN", "0123456789abcdef" * 4)
