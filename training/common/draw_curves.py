"""Draws a run's CSV file as SVG: `python -m common.draw_curves CURVES.csv loss other …` writes CURVES.svg beside it."""

from __future__ import annotations

import sys
from pathlib import Path

from .runs import read_rows

WIDTH, HEIGHT, MARGIN = 720, 360, 48
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")


def draw(rows: list[dict[str, float]], names: list[str]) -> str:
    """All of `names` over the step, on one scale."""
    points = {name: [(row["step"], row[name]) for row in rows if name in row] for name in names}
    every = [point for line in points.values() for point in line]
    (left, right), (low, high) = ((min(axis), max(axis)) for axis in zip(*every, strict=True))

    def place(x: float, y: float) -> str:
        across = MARGIN + (x - left) / ((right - left) or 1) * (WIDTH - 2 * MARGIN)
        up = HEIGHT - MARGIN - (y - low) / ((high - low) or 1) * (HEIGHT - 2 * MARGIN)
        return f"{across:.1f},{up:.1f}"

    def text(x: float, y: float, anchor: str, words: str, colour: str = "#57606a") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(MARGIN, HEIGHT - MARGIN + 18, "start", f"step {left:g}"),
        text(WIDTH - MARGIN, HEIGHT - MARGIN + 18, "end", f"{right:g}"),
        text(MARGIN - 6, HEIGHT - MARGIN, "end", f"{low:.3g}"),
        text(MARGIN - 6, MARGIN, "end", f"{high:.3g}"),
    ]
    for i, (name, line) in enumerate(points.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}"/>')
        parts.append(text(WIDTH - MARGIN, MARGIN + 16 * i, "end", name, colour))
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    path, names = Path(sys.argv[1]), sys.argv[2:]
    path.with_suffix(".svg").write_text(draw(read_rows(path), names))


if __name__ == "__main__":
    main()
