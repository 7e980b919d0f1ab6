"""The elements of a field, as a view asks for them by name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lro_notebook.views.collection import Collection


@pytest.mark.parametrize(("name", "field"), [("value", "valueString"), ("status", "status"), ("none", None)])
def test_a_field_that_is_asked_for_by_name_is_taken_once(
    name: str, field: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    child = Collection.child

    def counted(self: Collection, name: str) -> Collection:
        taken.append(name)
        return child(self, name)

    monkeypatch.setattr(Collection, "child", counted)
    row = {"valueString": "a", "status": "b", "_status": {"id": "c"}, "valued": 1}
    collection = Collection(1, pa.array([row]))
    found = collection.children(collection.named(name))
    assert found.values.to_pylist() == [row[field] if field else None]
    assert taken == [field] * bool(field)
