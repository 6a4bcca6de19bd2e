"""Training on Lightning: typed configuration, data, the fit itself, and the run folder it leaves.

Names are imported from the modules that define them, so that reading a run does not load Lightning.
"""

from __future__ import annotations
