from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from scalegmn.reports import GRAY, new_figure
from scalegmn.reports._categories import OTHERS, draw_key, marks_of


def test_categories_are_in_order_and_look_different() -> None:
    marks = marks_of(["tanh", "relu", "tanh"])
    assert list(marks) == ["relu", "tanh"]
    numbers = marks_of(["10", "9", "1", "sgd"])
    assert list(numbers) == ["1", "9", "10", "sgd"]
    many = marks_of([str(number) for number in range(18)])
    assert len(set(many.values())) == 18
    assert OTHERS not in many


def test_what_is_rare_is_called_others() -> None:
    words = [f"word{number:02}" for number in range(30) for _ in range(number + 1)]
    marks = marks_of(words)
    # The 17 most frequent, and the rest.
    assert list(marks) == [f"word{number}" for number in range(13, 30)] + [OTHERS]
    assert marks[OTHERS].color == GRAY
    assert len(set(marks.values())) == 18


def places_of(figure: Figure) -> dict[str, Bbox]:
    figure.canvas.draw()
    return {text.get_text(): text.get_window_extent() for text in figure.legends[0].get_texts()}


def test_key_reads_row_by_row() -> None:
    figure = new_figure(width=2.8, height=4.0)
    draw_key(figure, marks_of(list("abcdefgh")), title="letter")
    places = places_of(figure)
    assert len({round(place.y0) for place in places.values()}) == 3
    rows = sorted(places, key=lambda name: (-round(places[name].y0 / 5), places[name].x0))
    assert rows == list("abcdefgh")
    assert figure.legends[0].get_title().get_text() == "letter"


def test_long_words_stay_inside() -> None:
    figure = new_figure(width=5.0, height=4.0)
    names = ["glorot_normal", "truncated_normal", "he_normal", "orthogonal", "long_word_" * 6]
    draw_key(figure, marks_of(names), title="w_init")
    places = places_of(figure)
    assert all(figure.bbox.x0 < place.x0 and place.x1 < figure.bbox.x1 for place in places.values())
    assert max(map(len, places)) == 32
