"""Drawings as text: as much of SVG as two plots need."""

from collections.abc import Iterable
from html import escape
from typing import Final

FONT: Final = "system-ui, -apple-system, 'Segoe UI', sans-serif"
INK: Final = "#1f2933"
PALE: Final = "#d5dbe1"
# Told apart also by readers who see few colours, and in this order in grey.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#5c5c5c")


def drawing(width: float, height: float, *, title: str, parts: Iterable[str]) -> str:
    """Put parts on a white sheet."""
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" font-family="{FONT}">'
    )
    return "\n".join(
        [
            root,
            f"<title>{escape(title)}</title>",
            f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
            *parts,
            "</svg>\n",
        ]
    )


def label(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 13,
    anchor: str = "start",
    colour: str = INK,
    weight: int = 400,
) -> str:
    """Write words; `y` is their middle."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}"'
        f' font-weight="{weight}" dominant-baseline="central">{escape(words)}</text>'
    )


def line(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    colour: str = PALE,
    width: float = 1,
    dashed: bool = False,
) -> str:
    """Draw a straight line."""
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def path(points: Iterable[tuple[float, float]], *, colour: str) -> str:
    """Join points."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2.5"/>'


def dot(x: float, y: float, *, colour: str, radius: float = 4.5) -> str:
    """Mark a point."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>'
