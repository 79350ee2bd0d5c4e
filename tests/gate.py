"""Which rows of a parametrized test are run in `make test`; the others are run in `make test-all` only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def only(keep: Iterable[str], rows: Iterable[T], name: Callable[[T], str] = str) -> list[Any]:
    """The rows as parameters, named by `name`; those whose name is not in `keep` are marked `all_only`."""
    kept, found = set(keep), list(rows)
    names = [name(row) for row in found]
    if unknown := kept - set(names):
        raise ValueError(f"no such rows: {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return [
        pytest.param(row, id=title, marks=() if title in kept else pytest.mark.all_only)
        for row, title in zip(found, names, strict=True)
    ]
