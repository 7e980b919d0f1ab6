"""`Results`: the tables of an operation's output, read when they are asked for."""

from __future__ import annotations

import html
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from lro_notebook.errors import BadLinesWarning, TruncatedListsWarning, warn_caller
from lro_notebook.frames.exact import table_of
from lro_notebook.frames.fhir import flatten
from lro_notebook.frames.table import Loaded, Options, load_table
from lro_notebook.terminal import bars_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from lro_notebook.frames.files import Shard
    from lro_notebook.frames.storage import Location
    from lro_notebook.frames.views.scan import Scan
    from lro_notebook.frames.views.view import View

RESPONSE = "response"
_BAR_FROM = 20_000_000  # bytes; less is read before a bar could help


class Results(Mapping[str, pd.DataFrame]):
    """The tables of an operation's output: a lazy mapping from name to DataFrame.

    Making one reads nothing. A table is parsed when it is first asked for, and kept. Frames hold Arrow
    types throughout; ``frame.attrs`` names the operation and the files that they come from.

    Parameters
    ----------
    location : Location or None
        The file system of the files; None where there are none.
    shards : sequence of Shard
        The files, in the order in which they are to be read.
    options : Options
        How to load.
    """

    def __init__(
        self, location: Location | None, shards: Sequence[Shard], options: Options | None = None
    ) -> None:
        self._location, self._options = location, options or Options()
        self._shards: dict[str, list[Shard]] = {}
        for shard in shards:
            self._shards.setdefault(shard.table, []).append(shard)
        self._loaded: dict[str, Loaded] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        self._warned = False
        self._attrs: dict[str, Any] = {}

    @classmethod
    def from_response(cls, response: Mapping[str, Any]) -> Results:
        """Return the response of an operation that wrote no files, as the one table ``response``.

        A response that has exactly one list on its top level gives a row per element, and its other fields
        in ``frame.attrs["response"]``; any other gives one row, and an empty one none. ``@type`` is left out.
        """
        body = {key: value for key, value in response.items() if key != "@type"}
        lists = [key for key, value in body.items() if isinstance(value, list)]
        rows = [body] if body else []
        if len(lists) == 1:
            elements = body.pop(lists[0])
            rows = [part if isinstance(part, dict) else {lists[0]: part} for part in elements]
        flat = flatten(table_of(rows))
        results = cls(None, ())
        truncated = {f"{RESPONSE}.{path}": count for path, count in flat.truncated.items()}
        results._loaded[RESPONSE] = Loaded(flat.table, [], truncated)
        results._warn(RESPONSE, results._loaded[RESPONSE])
        results._attrs = {RESPONSE: body} if len(lists) == 1 and body else {}
        return results

    def __getitem__(self, name: str) -> pd.DataFrame:
        frame = self._frames.get(name)
        if frame is None:
            table = self.arrow(name)
            frame = table.to_pandas(types_mapper=pd.ArrowDtype)
            frame.attrs = self._provenance(name)
            self._frames[name] = frame
        return frame

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __repr__(self) -> str:
        files = sum(map(len, self._shards.values()))
        return f"<Results of {files} files: {', '.join(self._main()) or 'no tables'}>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in ("table", "files", "bytes", "rows"))
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{files:,}</td><td>{size:,}</td><td>{self._rows(name)}</td></tr>"
            for name, files, size in self._sizes()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def arrow(self, name: str) -> pa.Table:
        """Return the table `name` as Arrow has it, without a copy.

        Raises
        ------
        KeyError
            There is no such table; the message names those that there are.
        ResultError
            It cannot be read.
        """
        if name in self._main():
            return self._load(name).table
        if self._options.lists == "explode" and isinstance(name, str):
            parent = name.partition(".")[0]
            if parent in self._shards and name in self._load(parent).children:
                return self._loaded[parent].children[name]
        raise KeyError(f"no table {name!r}; there are {', '.join(self._main()) or 'none'}")

    def view(self, definition: View | Mapping[str, Any] | str) -> pd.DataFrame:
        """Return the rows of a view by the standard SQL on FHIR v2, as a DataFrame with Arrow types.

        Parameters
        ----------
        definition : View, dict or str
            A ViewDefinition: as `View` takes it, or the name of a ready one, such as ``"Patient"``.

        Raises
        ------
        ConfigError
            The definition breaks a rule of the standard.
        ResultError
            The data does not fit it: several values in a column that is no collection, another type.
        """
        return self.scan(definition).to_pandas()

    def scan(self, definition: View | Mapping[str, Any] | str) -> Scan:
        """Return the rows of a view unread: ``.to_parquet(path)`` and ``.to_dask()`` need little memory."""
        from lro_notebook.frames.views.scan import scan  # noqa: PLC0415 - not all who load need views

        return scan(definition, self._location, self._shards, self._options)

    @property
    def summary(self) -> pd.DataFrame:
        """One row per table: ``table`` (string), ``files``, ``bytes`` as stored (Int64). Reads nothing."""
        names, files, sizes = zip(*self._sizes(), strict=True) if self._main() else ((), (), ())
        return pd.DataFrame(
            {
                "table": pd.Series(names, dtype="string"),
                "files": pd.Series(files, dtype="Int64"),
                "bytes": pd.Series(sizes, dtype="Int64"),
            }
        )

    @property
    def bad_lines(self) -> pd.DataFrame:
        """One row per line that could not be read: ``file`` (string), ``line`` (Int64, from 1), ``reason``.

        Reads the tables that are not read yet.
        """
        bad = [line for loaded in self._all() for line in loaded.bad]
        return pd.DataFrame(
            {
                "file": pd.Series([line.file for line in bad], dtype="string"),
                "line": pd.Series([line.line for line in bad], dtype="Int64"),
                "reason": pd.Series([line.reason for line in bad], dtype="string"),
            }
        )

    @property
    def truncated(self) -> pd.DataFrame:
        """One row per list that is shown by its first element: ``column`` (string), ``rows`` (Int64).

        ``rows`` counts the rows where the list had more elements. Reads the tables that are not read yet.
        """
        counts = {name: rows for loaded in self._all() for name, rows in loaded.truncated.items()}
        return pd.DataFrame(
            {
                "column": pd.Series(list(counts), dtype="string"),
                "rows": pd.Series(list(counts.values()), dtype="Int64"),
            }
        )

    def _main(self) -> list[str]:
        return list(self._shards or self._loaded)

    def _names(self) -> list[str]:
        """Return the names of all tables; those of lists are known only after the tables are read."""
        if self._options.lists != "explode":
            return self._main()
        return [name for main in self._main() for name in (main, *self._load(main).children)]

    def _all(self) -> list[Loaded]:
        return [self._load(name) for name in self._main()]

    def _sizes(self) -> list[tuple[str, int, int]]:
        shards = {name: self._shards.get(name, []) for name in self._main()}
        return [(name, len(files), sum(file.size for file in files)) for name, files in shards.items()]

    def _rows(self, name: str) -> str:
        return f"{self._loaded[name].table.num_rows:,}" if name in self._loaded else "not read yet"

    def _provenance(self, name: str) -> dict[str, Any]:
        shards = self._shards.get(name.partition(".")[0], [])
        operation = shards[0].operation if shards else None
        return {"operation": operation, "files": [shard.uri for shard in shards], **self._attrs}

    def _load(self, name: str) -> Loaded:
        if name not in self._loaded and self._location is not None:
            shards = self._shards[name]
            with _bar(name, sum(shard.size for shard in shards)) as advance:
                self._loaded[name] = load_table(self._location, shards, self._options, advance)
            self._warn(name, self._loaded[name])
        return self._loaded[name]

    def _warn(self, name: str, loaded: Loaded) -> None:
        if loaded.bad:
            first = loaded.bad[0]
            warn_caller(
                f"{len(loaded.bad)} lines of {name} could not be read and were left out, the first one "
                f"{first.file} line {first.line} ({first.reason}); results.bad_lines lists them",
                BadLinesWarning,
            )
        if loaded.truncated and not self._warned:
            self._warned = True
            warn_caller(
                f"lists in {name} are shown by their first element; results.truncated counts what is left "
                'out, lists="nested" or lists="explode" of read_results and op.load keeps it',
                TruncatedListsWarning,
            )


@contextmanager
def _bar(name: str, size: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on stderr while many bytes are read, where somebody can see it."""
    if size < _BAR_FROM or not bars_wanted():
        yield lambda _: None
        return
    from tqdm import tqdm  # noqa: PLC0415 - only for what takes a while

    with tqdm(total=size, desc=name, unit="B", unit_scale=True, leave=False) as bar:
        yield bar.update
