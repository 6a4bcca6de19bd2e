from __future__ import annotations

import numpy as np
import pytest

from scalegmn.errors import PopulationError
from scalegmn.trojans.repair._report import defense_rates, repair_report

BEFORE = np.array([[0.9, 1.0, 0.0], [0.8, 0.7, 0.1], [0.9, 0.9, 0.2], [0.9, 0.05, 0.8], [0.7, 0.1, 0.6]])
AFTER = np.array([[0.89, 0.05, 0.8], [0.7, 0.15, 0.5], [0.95, 1.0, 0.1], [0.85, 0.04, 0.8], [0.7, 0.1, 0.6]])
TROJANED = np.array([True, True, True, False, False])


def test_the_defense_rating_is_that_of_the_benchmark() -> None:
    # What gets better in accuracy, or worse in attack success, counts as no change.
    expected = [(0.95 - 0.01 + 1) / 2, (0.55 - 0.1 + 1) / 2, 0.5, (0.01 - 0.05 + 1) / 2, 0.5]
    assert defense_rates(BEFORE, AFTER) == pytest.approx(np.array(expected))


def test_figures_by_hand() -> None:
    summary = repair_report(before=BEFORE, after=AFTER, trojaned=TROJANED).summary
    wanted = {
        "networks": 5,
        "trojaned": 3,
        "der": (0.97 + 0.725 + 0.5) / 3,
        "c_acc": (0.89 + 0.7 + 0.95) / 3,
        "asr": 0.4,
        "ra": 1.4 / 3,
        "c_acc_before": 2.6 / 3,
        "asr_before": 2.6 / 3,
        "ra_before": 0.1,
        "share_asr_below_0.1": 1 / 3,
        "share_asr_below_0.2": 2 / 3,
        "share_c_acc_kept": 2 / 3,
        "share_mended": 1 / 3,
        "c_acc_change_of_clean": -0.025,
        "share_c_acc_kept_of_clean": 0.5,
    }
    assert {name: summary[name] for name in wanted} == pytest.approx(wanted)
    low, high = summary["asr_interval_95"]
    assert 0.05 <= low < 0.4 < high <= 1.0
    nothing = summary["no_repair"]
    assert nothing["der"] == 0.5 and nothing["asr"] == nothing["asr_before"] == pytest.approx(2.6 / 3)


@pytest.mark.slow
def test_intervals_resample_whole_groups() -> None:
    before, after = (np.repeat(values[:3], 2, axis=0) for values in (BEFORE, AFTER))
    groups, trojaned = np.repeat(np.arange(3), 2), np.ones(6, dtype=bool)
    alone, together = (
        repair_report(before=before, after=after, trojaned=trojaned, groups=g).summary["asr_interval_95"]
        for g in (None, groups)
    )
    assert together[1] - together[0] > alone[1] - alone[0]


def test_without_trojaned_networks_there_is_no_rating() -> None:
    report = repair_report(before=BEFORE[3:], after=AFTER[3:], trojaned=TROJANED[3:])
    assert report.summary["der"] is None and report.summary["der_interval_95"] is None
    assert report.summary["c_acc_change_of_clean"] == pytest.approx(-0.025)
    assert report.tables[0].rows[0] == ("repaired", *[""] * 7)


def test_no_networks_are_refused() -> None:
    with pytest.raises(PopulationError, match="no networks to evaluate"):
        repair_report(before=BEFORE[:0], after=AFTER[:0], trojaned=TROJANED[:0])
