"""How a weight is made of stored pieces: the forms, one frozen class each.

A form knows the shapes of its pieces, makes the weight from them, and says how they start.
It uses the operators of whatever array it is given, so nothing here needs torch or NumPy.
The first piece is the one that torch keeps under the name `original`.
"""

from __future__ import annotations

from collections.abc import Mapping

from shareviz.forms._base import Draw, Form, Shape, matrix
from shareviz.forms._hashed import MOST_HASHES, Hashed, HashedRows
from shareviz.forms._mix import Mix
from shareviz.forms._rank import Factor, LowRank, Scaled
from shareviz.forms._rows import Rows

__all__ = [
    "FORMS",
    "MOST_HASHES",
    "Draw",
    "Factor",
    "Form",
    "Hashed",
    "HashedRows",
    "LowRank",
    "Mix",
    "Rows",
    "Scaled",
    "Shape",
    "matrix",
]

FORMS: Mapping[str, type[Form]] = {
    form.kind: form for form in (Rows, LowRank, Factor, Scaled, Mix, Hashed, HashedRows)
}
