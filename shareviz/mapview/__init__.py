"""The sharing map as plain data: rows, columns and cells, ready for a page, an SVG or a table.

`picture(snapshot)` says what stands where; whoever draws it needs neither torch nor the Snapshot.
"""

from shareviz.mapview._picture import Bar, Cell, Column, Group, Picture, Row, Section
from shareviz.mapview.build import picture
from shareviz.mapview.rows import SetRow, set_rows
from shareviz.mapview.words import reason, style, why

__all__ = [
    "Bar",
    "Cell",
    "Column",
    "Group",
    "Picture",
    "Row",
    "Section",
    "SetRow",
    "picture",
    "reason",
    "set_rows",
    "style",
    "why",
]
