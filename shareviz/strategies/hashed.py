"""Weights that share numbers by a fixed hash: of every element, or of the rows of a token table.

Source:
    Chen et al. (2015), HashedNets, arXiv 1504.04788; Svenstrup et al. (2017), hash embeddings,
    arXiv 1709.03933.
"""

from __future__ import annotations

from zlib import crc32

from shareviz.errors import PlanError
from shareviz.forms import Hashed, HashedRows
from shareviz.options import Option
from shareviz.plan import Plan
from shareviz.snapshot import Snapshot, Tensor
from shareviz.strategies._base import PARTS, Strategy, Values, whole
from shareviz.strategies._formed import formed
from shareviz.strategies._groups import inner_matrices
from shareviz.strategies.depth import only
from shareviz.strategies.embeddings import token_tables
from shareviz.text import clean, shape


def most_buckets(table: Tensor, hashes: int) -> int:
    """Return the most stored rows at which a table stores less than whole: B·d + V·K < V·d."""
    rows, width = table.shape
    return (rows * (width - hashes) - 1) // width


def _hashed(snapshot: Snapshot, values: Values) -> Plan:
    ratio = whole(values, "ratio")
    forms = {
        slot.name: Hashed(max(1, slot.numel // ratio), crc32(slot.name.encode()) & 0xFFFF)
        for slot in inner_matrices(snapshot, values)
        if slot.numel > 1
    }
    return Plan(formed(snapshot, forms), _hashed_label(values))


def _hashed_label(values: Values) -> str:
    return only(values, f"Hashed {values['ratio']} to 1")


def _tables(snapshot: Snapshot, values: Values) -> Plan:
    buckets, hashes = whole(values, "buckets"), whole(values, "hashes")
    tables = token_tables(snapshot)
    if not tables:
        raise PlanError("No token table found, so there is none to hash.", hint="Hash the layers instead.")
    largest = max(tables, key=lambda table: table.numel)
    most = most_buckets(largest, hashes)
    if buckets > most:
        raise PlanError(
            f"{clean(largest.name, 60)} of {shape(largest.shape)} in {buckets:,} hashed rows stores more "
            "than the table itself.",
            hint=f"Choose buckets from 1 to {most}." if most > 0 else "Leave this table whole.",
        )
    fit = (table.name for table in tables if buckets <= most_buckets(table, hashes))
    return Plan(formed(snapshot, dict.fromkeys(fit, HashedRows(buckets, hashes))), _tables_label(values))


def _tables_label(values: Values) -> str:
    several = f", {values['hashes']} hashes" if values["hashes"] != 2 else ""
    return f"Hash embeddings {whole(values, 'buckets'):,}{several}"


STRATEGIES = (
    Strategy(
        "hashed",
        "Hashed weights",
        "A fixed hash says which of a few stored numbers each element of a matrix is, and with which sign. "
        "It saves no compute, and looking them up is slow.",
        (
            Option("ratio", "Elements to a number", 8, 2, 1024, help="How many elements share one number."),
            PARTS,
        ),
        _hashed,
        _hashed_label,
        "Chen et al. (2015), arXiv 1504.04788, section 4",
        forms=True,
    ),
    Strategy(
        "hash_embeddings",
        "Hash embeddings",
        "Each token's vector is a sum of a few stored rows that a fixed hash picks, with weights of its own. "
        "It saves no compute: each token costs a few more look-ups and a sum.",
        (
            Option("buckets", "Stored rows", 4096, 1, 1_048_576, help="How many rows all tokens share."),
            Option("hashes", "Rows for a token", 2, 1, 8, help="How many stored rows make one vector."),
        ),
        _tables,
        _tables_label,
        "Svenstrup et al. (2017), arXiv 1709.03933, section 2",
        forms=True,
    ),
)
