"""Open lists: look-ups, lazy entries, and extensions found by real entry points."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from scalegmn.errors import ConfigurationError, TriggerError
from scalegmn.registry import (
    GROUP,
    Extensions,
    ExtensionWarning,
    Lazy,
    Registered,
    Registry,
    load_extension,
    loaded_extensions,
)


def point(value: str, name: str = "extra") -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


def module_with(monkeypatch: pytest.MonkeyPatch, **members: object) -> str:
    """The name of a module that can be imported while the test runs."""
    module = ModuleType("scalegmn_test_extension")
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


def alone(**entries: int | Lazy) -> Registry[int]:
    """A list to which no package adds."""
    return Registry("shape", entries=entries, extensions=Extensions(list))


def test_things_are_found_by_name_in_order() -> None:
    shapes = alone(circle=1, square=2)
    shapes.register("triangle", 3)
    assert shapes.names() == ("circle", "square", "triangle")
    assert list(shapes.values()) == [1, 2, 3]
    assert shapes.get("triangle") == 3 and "triangle" in shapes and "line" not in shapes


def test_unknown_name_is_one_sentence_with_what_is_near() -> None:
    with pytest.raises(ConfigurationError) as caught:
        alone(circle=1, square=2).get("sqare", origin="a.yaml")
    assert str(caught.value) == (
        "a.yaml: shape is 'sqare', expected one of circle, square; did you mean 'square'?"
    )


def test_unknown_name_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r"'line', expected one of circle; install the extension"):
        alone(circle=1).get("line")
    own = Registry[int]("trigger", remedy="look again", error=TriggerError, extensions=Extensions(list))
    with pytest.raises(TriggerError, match="look again"):
        own.get("line")


@pytest.mark.parametrize("name", [None, 3, ["circle"], {"a": 1}])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(ConfigurationError, match=r"shape is .*, expected one of circle"):
        alone(circle=1).get(name)


def test_class_in_a_file_is_refused_and_not_imported() -> None:
    with pytest.raises(ConfigurationError, match=r"no file can name a class: load it with --extension"):
        alone(circle=1).get("antigravity:fly")
    assert "antigravity" not in sys.modules


def test_same_thing_may_be_registered_again_and_no_other() -> None:
    shapes = alone(circle=1, square=Lazy("scalegmn.registry:GROUP"))
    shapes.register("circle", 1)
    shapes.register("square", Lazy("scalegmn.registry:GROUP"))
    shapes.register("square", GROUP)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"a shape called 'circle' is there already"):
        shapes.register("circle", 2)
    assert shapes.get("circle") == 1


@pytest.mark.parametrize("name", ["", "two words", "a:b", "../up"])
def test_names_are_identifiers(name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected letters, digits and underscores"):
        alone().register(name, 1)


def test_lazy_entry_is_loaded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = alone(circle=Lazy("scalegmn_test_extension:size"))
    assert shapes.names() == ("circle",)
    module_with(monkeypatch, size=5)
    assert shapes.get("circle") == 5
    monkeypatch.undo()
    assert shapes.get("circle") == 5


def test_extensions_are_loaded_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def find() -> list[EntryPoint]:
        asked.append("found")
        return [point("scalegmn_test_extension:register")]

    shapes = Registry[int]("shape", entries={"circle": 1}, extensions=Extensions(find))

    def register() -> None:
        asked.append("registered")
        # Looking up while being loaded does not begin anew.
        assert "line" not in shapes
        shapes.register("star", 7)

    module_with(monkeypatch, register=register)
    assert shapes.get("circle") == 1 and asked == []
    assert shapes.get("star") == 7
    assert shapes.names() == ("circle", "star") and "line" not in shapes
    assert asked == ["found", "registered"]


def test_broken_extension_warns_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def register() -> None:
        shapes.register("star", 7)

    module = module_with(monkeypatch, register=register, number=3)
    broken = [point("nowhere_to_be_found:register", "first"), point(f"{module}:number", "second")]
    extensions = Extensions(lambda: [*broken, point(module, "third"), point(f"{module}:register")])
    shapes = Registry[int]("shape", extensions=extensions)
    with pytest.warns(ExtensionWarning) as caught:
        assert shapes.get("star") == 7
    assert [str(one.message) for one in caught] == list(extensions.failures)
    assert "the extension 'first' cannot be loaded, ModuleNotFoundError: No module" in extensions.failures[0]
    assert "is a int and cannot be called" in extensions.failures[1]
    assert "names no function of a module" in extensions.failures[2]
    with pytest.raises(ConfigurationError, match=r"'line', expected one of star; .*extension 'first' cannot"):
        shapes.get("line")


def test_user_loads_an_extension_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = alone()

    class Star:
        @classmethod
        def register(cls) -> None:
            shapes.register("star", 7)

    module = module_with(monkeypatch, Star=Star)
    monkeypatch.setattr("scalegmn.registry._LOADED", [])
    load_extension(f"{module}:Star.register")
    assert shapes.get("star") == 7
    assert loaded_extensions() == (f"{module}:Star.register",)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere_to_be_found:register", "ModuleNotFoundError"),
        ("scalegmn.registry:nothing", "AttributeError"),
        ("scalegmn.registry", "names no function"),
        ("scalegmn.registry:GROUP", "cannot be called"),
        ("", "names no function"),
        ("a b:c", "names no function"),
    ],
)
def test_place_that_holds_no_extension_is_one_sentence(place: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{reason}.*; give package.module:function") as caught:
        load_extension(place)
    assert "\n" not in str(caught.value)


def test_names_as_an_annotation() -> None:
    known = Registered(alone(circle=1, square=2), alone(square=3, line=4))
    assert known.names() == ("circle", "square", "line")
    assert known.admits("line") and not known.admits("star")
    assert known.expected("circel") == "one of circle, square, line; did you mean 'circle'?"
    assert str(known) == "one of circle, square, line"


def install(folder: Path, source: str, *, version: str = "1.2") -> Path:
    """Lay a package with an extension where an installer would, and give the folder for the search path."""
    (folder / "starry.py").write_text(source, encoding="utf-8")
    info = folder / f"starry-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: starry\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nstarry = starry:register\n")
    return folder


def in_fresh_process(program: str, folder: Path) -> str:
    """What a program prints whose search path holds `folder` and this library."""
    library = str(Path(sys.modules["scalegmn"].__file__ or "").parents[1])
    setup = f"import sys; sys.path[:0] = {[str(folder), library]!r}\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", setup + program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


PROGRAM = """
from scalegmn.registry import Registry
shapes = Registry("shape", entries={"circle": 1})
sys.modules["shapes"] = type(sys)("shapes")
sys.modules["shapes"].shapes = shapes
"""


def test_installed_extension_is_found(tmp_path: Path) -> None:
    source = "def register():\n    from shapes import shapes\n    shapes.register('star', 7)\n"
    program = PROGRAM + "print('starry' in sys.modules, shapes.get('star'), 'starry' in sys.modules)"
    assert in_fresh_process(program, install(tmp_path, source)) == "False 7 True\n"


def test_broken_installed_extension_is_named_with_its_package(tmp_path: Path) -> None:
    program = PROGRAM + "try:\n    shapes.get('star')\nexcept Exception as error:\n    print(error)"
    printed = in_fresh_process(program, install(tmp_path, "import nowhere_to_be_found\n"))
    assert "extension 'starry' of the package starry 1.2 cannot be loaded, ModuleNotFoundError" in printed


def test_no_extension_is_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Registry[int]("shape", extensions=Extensions(list)).names() == ()
