"""Two plots of ratios: how they move with the callers, and each work against each other store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from holdfast.benchmarking import svg
from holdfast.benchmarking.comparison import Comparison
from holdfast.benchmarking.report import shown
from holdfast.benchmarking.scales import RatioAxis
from holdfast.benchmarking.work import APPEND

WIDTH: Final = 860.0
# Beside the lines, for the names of the stores.
NAMES: Final = 360.0
# How many callers the plot of all work is drawn at, or the most below it that were measured.
DRAWN_CALLERS: Final = 64
ROW: Final = 22.0
SPREAD: Final = "The median of the rounds, with the smallest and the largest."
SIDES: Final = "Right of 1x Holdfast is faster, left of it the other."

Series = Mapping[str, list[Comparison]]


def plots(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Draw what there is to draw, each plot under the name of its file."""
    ours = {each.store for each in comparisons}
    drawn = [each for each in comparisons if each.peer not in ours] or [
        each for each in comparisons if each.scaling and each.case.sessions is None
    ]
    if not drawn:
        return {}
    return {"callers.svg": by_callers(drawn), "work.svg": by_work(drawn)}


def by_callers(comparisons: Sequence[Comparison]) -> str:
    """Draw one line a peer for appending, or one a kind of work for a store on its own."""
    store = comparisons[-1].store
    some = [each for each in comparisons if each.store == store and each.case.sessions is None]
    appends = [each for each in some if each.case.work == APPEND and not each.scaling]
    what = "turns appended a second as others" if appends else "operations as with one caller"
    title = f"{store}: times as many {what}"
    series = _series(appends or some)
    height = 430.0
    axis = _axis(appends or some, low=height - 70, high=84)
    columns = sorted({each.case.callers for each in appends or some})
    places = dict(zip(columns, _spread(len(columns), 90, WIDTH - NAMES), strict=True))
    parts = [
        svg.label(24, 28, title, size=17, weight=600),
        svg.label(24, 50, SPREAD, size=12),
        *_horizontals(axis, right=WIDTH - NAMES + 30),
        *(svg.label(x, height - 46, str(n), anchor="middle") for n, x in places.items()),
        svg.label((WIDTH - NAMES + 90) / 2, height - 22, "callers at once", anchor="middle"),
        svg.label(max(places.values()) + 24, 72, f"at {columns[-1]} callers", size=12, weight=600),
        *_lines(series, places, axis),
    ]
    return svg.drawing(WIDTH, height, title=title, parts=parts)


def by_work(comparisons: Sequence[Comparison]) -> str:
    """Draw a dot and its spread for every work and every other store."""
    rows = _rows(comparisons)
    groups = [
        (f"{store}: {case}", list(some))
        for (store, case), some in groupby(rows, lambda each: (each.store, each.case))
    ]
    height = 110 + ROW * (len(rows) + len(groups))
    title = "Times as many operations a second as others"
    axis = _axis(rows, low=330, high=WIDTH - 90)
    parts = [
        svg.label(24, 28, title, size=17, weight=600),
        svg.label(24, 50, f"{SPREAD} {SIDES}", size=12),
        *_verticals(axis, bottom=height - 30),
        *_groups(groups, axis),
    ]
    return svg.drawing(WIDTH, height, title=title, parts=parts)


def _rows(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Choose the largest case of each work."""
    usual = [each for each in comparisons if each.case.callers <= DRAWN_CALLERS]
    most: dict[tuple[str, str], tuple[int, int]] = {}
    for each in usual:
        key = each.store, each.case.work
        most[key] = max(most.get(key, (0, 0)), _amount(each))
    return [each for each in usual if _amount(each) == most[each.store, each.case.work]]


def _amount(each: Comparison) -> tuple[int, int]:
    return each.case.sessions or 0, each.case.callers


def _series(comparisons: Iterable[Comparison]) -> Series:
    series: dict[str, list[Comparison]] = {}
    for each in comparisons:
        series.setdefault(each.case.work if each.scaling else each.peer, []).append(each)
    return {name: sorted(some, key=_amount) for name, some in series.items()}


def _axis(comparisons: Iterable[Comparison], *, low: float, high: float) -> RatioAxis:
    return RatioAxis.over(
        (ratio for each in comparisons for ratio in each.ratios), low=low, high=high
    )


def _spread(parts: int, low: float, high: float) -> list[float]:
    step = (high - low) / max(1, parts - 1)
    return [low + step * number for number in range(parts)]


def _horizontals(axis: RatioAxis, *, right: float) -> Iterator[str]:
    for mark in axis.marks:
        colour = svg.INK if mark == 1 else svg.PALE
        yield svg.line(70, axis.at(mark), right, axis.at(mark), colour=colour, dashed=mark == 1)
        yield svg.label(60, axis.at(mark), f"{mark:,g}x", anchor="end", size=12)


def _verticals(axis: RatioAxis, *, bottom: float) -> Iterator[str]:
    for mark in axis.marks:
        colour = svg.INK if mark == 1 else svg.PALE
        yield svg.line(axis.at(mark), 84, axis.at(mark), bottom, colour=colour, dashed=mark == 1)
        yield svg.label(axis.at(mark), 72, f"{mark:,g}x", anchor="middle", size=12)


def _lines(series: Series, places: Mapping[int, float], axis: RatioAxis) -> Iterator[str]:
    ends = _apart([axis.at(some[-1].ratio) for some in series.values()], least=20)
    shifts = _spread(len(series), -8, 8)
    for index, (name, some) in enumerate(series.items()):
        colour, end = svg.COLOURS[index % len(svg.COLOURS)], ends[index]
        # Side by side, so that one spread does not cover another.
        points = [(places[each.case.callers] + shifts[index], axis.at(each.ratio)) for each in some]
        yield svg.path(points, colour=colour)
        for each, (x, y) in zip(some, points, strict=True):
            low, high = axis.at(min(each.ratios)), axis.at(max(each.ratios))
            yield svg.line(x, low, x, high, colour=colour, width=1.5)
            yield svg.dot(x, y, colour=colour)
        edge = max(places.values()) + 30
        yield svg.dot(edge, end, colour=colour)
        yield svg.label(edge + 12, end, f"{name}  {shown(some[-1].ratio)}", size=12)


def _groups(groups: Sequence[tuple[str, list[Comparison]]], axis: RatioAxis) -> Iterator[str]:
    names = list(dict.fromkeys(_other(each) for _, some in groups for each in some))
    colours = dict(zip(names, _colours(len(names)), strict=True))
    y = 84 + ROW / 2
    for heading, some in groups:
        yield svg.label(24, y, heading, weight=600, size=12)
        y += ROW
        for each in some:
            yield from _dot(each, axis, y=y, colour=colours[_other(each)])
            y += ROW


def _dot(each: Comparison, axis: RatioAxis, *, y: float, colour: str) -> Iterator[str]:
    low, high = axis.at(min(each.ratios)), axis.at(max(each.ratios))
    yield svg.label(40, y, _other(each), size=12)
    yield svg.line(low, y, high, y, colour=colour, width=2)
    yield svg.dot(axis.at(each.ratio), y, colour=colour)
    yield svg.label(WIDTH - 24, y, shown(each.ratio), anchor="end", size=12)


def _other(each: Comparison) -> str:
    return f"itself, {each.against.amount}" if each.scaling else each.peer


def _colours(number: int) -> list[str]:
    return [svg.COLOURS[index % len(svg.COLOURS)] for index in range(number)]


def _apart(places: Sequence[float], *, least: float) -> list[float]:
    """Move labels down until none covers another; each stays in its place in the list."""
    moved = list(places)
    free = float("-inf")
    for index in sorted(range(len(places)), key=places.__getitem__):
        moved[index] = max(places[index], free)
        free = moved[index] + least
    return moved
