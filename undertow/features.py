"""Feature lists of the user's own: names for the sets of features that models are trained on.

One file, ``feature_lists.yml`` in the home, a mapping of names to lists of ids. The file is the lists' only home: what a
model was trained on is then a line under version control and not a list in a notebook.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from undertow.errors import UsageError

__all__ = ["FEATURE_LISTS", "read_feature_lists"]

FEATURE_LISTS = "feature_lists.yml"


def read_feature_lists(path: Path, signals: Sequence[str], taken: Collection[str] = ()) -> dict[str, list[str]]:
    """Return the lists of a file, patterns replaced by the signals that match them, each id once; without a file none.

    Args:
        path: of the file.
        signals: all signal ids, in the order in which a pattern lists them.
        taken: names that a list may not have.

    Raises:
        UsageError: the file is no mapping of names to lists of ids, a name is taken, or a pattern matches no signal.
    """
    if not path.exists():
        return {}
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(told, dict):
        raise UsageError(f"{path} must be a mapping of names to lists of features")
    lists = {}
    for name, features in told.items():
        if not isinstance(features, list) or not features or not all(isinstance(feature, str) for feature in features):
            raise UsageError(f"{path}: {name!r} must be a list of series ids and signal ids")
        if name in taken:
            raise UsageError(f"{path}: the name {name!r} is taken by a list that every build has")
        lists[str(name)] = list(dict.fromkeys(id_ for feature in features for id_ in _matching(feature, signals, path)))
    return lists


def _matching(feature: str, signals: Sequence[str], path: Path) -> list[str]:
    """Return the signals that a pattern means, or an id as it is."""
    if "*" not in feature:
        return [feature]
    found = [signal for signal in signals if fnmatchcase(signal, feature)]
    if not found:
        raise UsageError(f"{path}: no signal matches {feature!r}")
    return found
