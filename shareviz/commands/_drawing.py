"""What commands that draw have in common: themes, endings, and the file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from shareviz.commands._answer import Answer, written
from shareviz.errors import OptionError
from shareviz.text import clean


def drawn(target: Path, svg: str, scale: float) -> Answer:
    """Write a picture as SVG, or as PNG at a scale."""
    from shareviz.takeaway import png

    if not 0.25 <= scale <= 8:
        raise OptionError(f"A scale of {scale:g} is not drawn.", hint="Give --scale from 0.25 to 8.")
    return written(target, svg.encode() if target.suffix == ".svg" else png(svg, scale=scale))


def theme_of(options: Namespace) -> str:
    """Return the theme of a picture."""
    return "dark" if options.dark else "light"


def picturable(target: Path, endings: str, *, more: tuple[str, ...] = ()) -> Path:
    """Return where a picture goes; a name with another ending is refused.

    Args:
        endings: The endings in words.
        more: Endings besides .svg and .png.
    """
    if target.suffix not in (".svg", ".png", *more):
        raise OptionError(
            f"{clean(target.name, 80)} is no picture that can be written.", hint=f"End it in {endings}."
        )
    return target
