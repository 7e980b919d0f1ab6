"""`View`: a ViewDefinition that was read and checked.

Loads neither pandas nor pyarrow until it runs; a regular expression is checked by pyarrow.
"""

from __future__ import annotations

import difflib
import json
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.views.definition import Definition, read_definition

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_LIBRARY = files("lro_notebook.views") / "library"


class View:
    """A view by the standard SQL on FHIR v2: a table with one or more rows for each resource of a type.

    Parameters
    ----------
    definition : dict, str or path
        A ViewDefinition; as JSON text; the path of a JSON file; or the name of a ready view, which are
        listed in ``View.names()``.

    Raises
    ------
    ConfigError
        It breaks a rule of the standard; the message says where.

    Examples
    --------
    >>> view = lro.View({
    ...     "resource": "Patient",
    ...     "select": [{"column": [{"name": "id", "path": "id", "type": "id"}]}],
    ... })
    >>> view
    <View of Patient: id>
    """

    def __init__(self, definition: Mapping[str, Any] | str | os.PathLike[str]) -> None:
        self._source = _json_of(definition)
        self._definition = read_definition(self._source)

    @classmethod
    def of(cls, view: View | Mapping[str, Any] | str | os.PathLike[str]) -> View:
        """Return `view` itself, or the view that it defines or names."""
        return view if isinstance(view, View) else cls(view)

    @staticmethod
    def names() -> list[str]:
        """Return the names of the ready views."""
        return sorted(
            file.name.removesuffix(".json") for file in _LIBRARY.iterdir() if file.name.endswith(".json")
        )

    @property
    def definition(self) -> Definition:
        """What was read."""
        return self._definition

    @property
    def resource(self) -> str:
        """The resource type that it is a view of."""
        return self._definition.resource

    @property
    def columns(self) -> list[str]:
        """The names of its columns, in their order."""
        return [column.name for column in self._definition.columns]

    def explain(self) -> pd.DataFrame:
        """Return how each column is worked out, a row per column, all of type string.

        ``way`` is ``arrow`` where the path is compiled to work on whole arrays, and ``python`` where the
        exact interpreter takes each row, for the ``reason`` given. Where the data is not as a compiled path
        needs it, a block can still take the other way: ``frame.attrs["ways"]`` of a result counts them.
        """
        import pandas as pd

        from lro_notebook.views.prepare import prepare

        reasons = prepare(self._definition).reasons
        rows = [
            (column.name, column.type, column.path, "python" if why else "arrow", why or None)
            for column in self._definition.columns
            for why in [reasons.get(column.name)]
        ]
        return pd.DataFrame(rows, columns=["column", "type", "path", "way", "reason"], dtype="string")

    def to_dict(self) -> dict[str, Any]:
        """Return the ViewDefinition; a copy, to change and make another view of."""
        copied: dict[str, Any] = json.loads(json.dumps(self._source))
        return copied

    def __repr__(self) -> str:
        return f"<View of {self.resource}: {', '.join(self.columns)}>"


def _json_of(definition: object) -> object:
    if isinstance(definition, str) and definition.lstrip().startswith(("{", "[")):
        return _parsed(definition, "the view definition")
    if isinstance(definition, str | os.PathLike):
        return _read(definition)
    return json.loads(json.dumps(definition)) if isinstance(definition, dict) else definition


def _read(name: str | os.PathLike[str]) -> object:
    if isinstance(name, str) and name in View.names():
        return json.loads((_LIBRARY / f"{name}.json").read_text(encoding="utf-8"))
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        try:
            return _parsed(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise ConfigError(f"the view definition {path} cannot be read: {type(error).__name__}") from error
    near = difflib.get_close_matches(str(name), View.names(), n=1, cutoff=0.7)
    own = "lro.View(definition) makes one of your own"
    hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(View.names())}; {own}"
    raise ConfigError(f"there is no ready view {str(name)!r}{hint}")


def _parsed(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ConfigError(f"{where} is not valid JSON: {error}") from error
