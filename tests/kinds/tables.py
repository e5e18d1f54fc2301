"""Random tables of layers that fit: drawn row by row, a row that does not fit is left out."""

from __future__ import annotations

from hypothesis import strategies as st

from shareviz.kinds import Kind, Shape, kinds
from shareviz.layertable import Flow, Row, RowError, flow, row_of
from shareviz.options import Option

INPUTS = st.sampled_from(
    [Shape((6,), tokens=True), Shape((5,)), Shape((7, 4)), Shape((2, 8, 8)), Shape((1, 9, 6))]
)
SIZES = st.sampled_from([1, 2, 3, 4, 6, 8])


@st.composite
def rows(draw: st.DrawFn, kind: Kind | None = None) -> Row:
    """Draw a row, of any kind or of one; whether it fits is left open."""
    one = kind or draw(st.sampled_from(list(kinds().values())))
    return row_of(1, one.name, [draw(size(option)) for option in one.sizes], draw(st.integers(1, 3)))


def size(option: Option) -> st.SearchStrategy[object]:
    """Return the values of a size, small ones of a number."""
    return st.sampled_from(option.choices) if option.choices else SIZES


@st.composite
def tables(draw: st.DrawFn) -> Flow:
    """Draw a table of one to six rows that fit."""
    given, kept = draw(INPUTS), list[Row]()
    wanted = draw(st.lists(rows(), min_size=4, max_size=14))
    for row in wanted:
        try:
            flow(given, [*kept, row])
        except RowError:
            continue
        kept.append(row)
    if not kept:
        name = "embedding" if given.tokens else "activation"
        kept = [row_of(1, name, [])]
    return flow(given, kept[:6])
