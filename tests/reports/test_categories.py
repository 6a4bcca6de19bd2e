from __future__ import annotations

from scalegmn.reports.categories import OTHERS, draw_key, marks_of
from scalegmn.reports.figures import GREY, new_figure


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
    assert marks[OTHERS].colour == GREY
    assert len(set(marks.values())) == 18


def test_key_reads_row_by_row() -> None:
    figure = new_figure(width=4.0, height=4.0)
    draw_key(figure, marks_of(list("abcdefgh")), title="letter", columns=3)
    legend = figure.legends[0]
    figure.canvas.draw()
    places = {text.get_text(): text.get_window_extent() for text in legend.get_texts()}
    rows = sorted(places, key=lambda name: (-round(places[name].y0 / 5), places[name].x0))
    assert rows == list("abcdefgh")
    assert legend.get_title().get_text() == "letter"
