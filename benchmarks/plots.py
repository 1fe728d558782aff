"""Plots as plain SVG: lines over two logarithmic axes, and stacked bars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 30, 60
COLOURS = ("#1f6fb2", "#d1495b", "#2e933c", "#8d5a97", "#e0a000", "#3aa6a6", "#777777", "#b35c00")

Points = Sequence[tuple[float, float]]


def draw_lines(path: Path, title: str, x_label: str, y_label: str, lines: Mapping[str, Points]) -> None:
    """Both axes logarithmic, a mark at each point."""
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log10(x / min(xs)) / math.log10(max(xs) / min(xs))
        up = (math.log10(y) - low) / (high - low)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [_text(WIDTH / 2, 18, title, "middle", 15), _text(WIDTH / 2, HEIGHT - 26, x_label, "middle")]
    parts.append(_text(LEFT, TOP - 6, y_label, "middle"))
    for exponent in range(low, high + 1):
        _, y = place(min(xs), 10**exponent)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{10.0**exponent:g}", "end"))
    for x in sorted(set(xs)):
        across, _ = place(x, 10**low)
        parts.append(_text(across, HEIGHT - BOTTOM + 16, f"{x:g}", "middle"))
    for index, (name, points) in enumerate(lines.items()):
        colour = COLOURS[index % len(COLOURS)]
        placed = [place(x, y) for x, y in sorted(points)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in placed]
        parts += _legend(index, name, colour, HEIGHT - 10, len(lines))
    _write(path, parts)


def draw_stacks(path: Path, title: str, bars: Mapping[str, Mapping[str, float]]) -> None:
    """One horizontal bar for each name, its parts in seconds one after the other."""
    names = list(dict.fromkeys(part for parts in bars.values() for part in parts))
    longest = max(sum(parts.values()) for parts in bars.values())
    scale = (WIDTH - LEFT - 120 - RIGHT) / longest
    drawn = [_text(WIDTH / 2, 18, title, "middle", 15)]
    for row, (name, parts) in enumerate(bars.items()):
        y = TOP + 20 + row * 60
        drawn.append(_text(LEFT + 110, y + 22, name, "end"))
        x = float(LEFT + 120)
        for part, seconds in parts.items():
            colour = COLOURS[names.index(part) % len(COLOURS)]
            width = seconds * scale
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="34" fill="{colour}"/>')
            if width > 26:
                drawn.append(_text(x + width / 2, y + 22, f"{seconds:.1f}", "middle", 12, "#fff"))
            x += width
        drawn.append(_text(x + 6, y + 22, f"{sum(parts.values()):.1f} s"))
    for index, part in enumerate(names):
        drawn += _legend(index, part, COLOURS[index % len(COLOURS)], HEIGHT - 10 - 18 * (index // 4), 4)
    _write(path, drawn)


def _legend(index: int, name: str, colour: str, y: float, columns: int) -> list[str]:
    x = LEFT + (index % columns) * (WIDTH - LEFT) / columns
    return [f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="12" height="10" fill="{colour}"/>', _text(x + 16, y, name)]


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12, colour: str = "#222") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )


def _write(path: Path, parts: Sequence[str]) -> None:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">'
    background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    path.write_text("\n".join([head, background, *parts, "</svg>"]) + "\n")
