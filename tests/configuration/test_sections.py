from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from scalegmn.configuration import Configuration, Count, Sections, from_plain, to_plain
from scalegmn.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Wide(Configuration):
    width: Count = 4


@dataclass(frozen=True, kw_only=True)
class Deep(Configuration):
    depth: Count = 2


@dataclass(frozen=True, kw_only=True)
class Whole(Configuration):
    options: Sections = field(default_factory=lambda: Sections({"wide": Wide()}))


def test_options_are_found_by_their_class() -> None:
    sections = Sections({"wide": Wide(width=7), "deep": Deep()})
    assert sections.of(Wide).width == 7 and sections["deep"] == Deep()
    assert list(sections) == ["wide", "deep"] and len(sections) == 2
    assert sections == Sections({"deep": Deep(), "wide": Wide(width=7)})
    with pytest.raises(ConfigurationError, match=r"no Deep among the sections wide \(Wide\)"):
        Sections({"wide": Wide()}).of(Deep)
    with pytest.raises(ConfigurationError, match="no Deep among the sections none"):
        Sections().of(Deep)


def test_what_is_missing_has_its_defaults() -> None:
    found = Sections({"wide": Wide(width=9)}).completed({"wide": Wide, "deep": Deep})
    assert (found.of(Wide).width, found.of(Deep).depth) == (9, 2)
    with pytest.raises(ConfigurationError, match=r"deep is Wide\(width=4\), expected Deep for this section"):
        Sections({"deep": Wide()}).completed({"deep": Deep})


def test_a_mapping_of_configurations_will_do() -> None:
    assert Whole(options={"deep": Deep()}).options == Sections({"deep": Deep()})  # type: ignore[arg-type]
    for wrong in ({"deep": {"depth": 3}}, {"deep": 3}, 5):
        with pytest.raises(ConfigurationError, match="options"):
            Whole(options=wrong)  # type: ignore[arg-type]


def test_plain_data() -> None:
    assert to_plain(Whole()) == {"options": {"wide": {"width": 4}}}
    with pytest.raises(ConfigurationError, match="expected configurations by section"):
        from_plain(Whole, {"options": {"wide": {"width": 4}}})
