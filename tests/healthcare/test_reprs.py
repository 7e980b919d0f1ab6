"""What a dataset, its stores and a list of them show of themselves: without a request, and escaped."""

from __future__ import annotations

import html
import re
from types import SimpleNamespace
from typing import Any

from fakes import Scripted, ok
from IPython.lib.pretty import pretty

from lro_notebook import Client, Dataset
from lro_notebook.healthcare import reprs
from lro_notebook.healthcare.reprs import Stores

NAME = "projects/p/locations/l/datasets/d"


def dataset_on(*answers: Any) -> tuple[Dataset, Scripted]:
    transport = Scripted(*answers)
    return Dataset(Client("https://api.example.com", transport=transport), NAME), transport


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", markup)).split())


def listed(*collections: tuple[str, tuple[str, ...]]) -> Stores:
    dataset, _ = dataset_on(
        *(ok({kind: [{"name": f"{NAME}/{kind}/{each}"} for each in ids]}) for kind, ids in collections)
    )
    return dataset.stores()


def test_a_dataset_is_a_tree_with_what_to_type_and_asks_nothing() -> None:
    dataset, transport = dataset_on()
    seen = words(dataset._repr_html_())
    assert seen.startswith("Dataset d project p location l Next: ds.stores()")
    assert not transport.sent


def test_a_store_says_where_it_is_and_what_moves_data() -> None:
    dataset, transport = dataset_on()
    seen = words(dataset.dicom_store("x")._repr_html_())
    assert seen.startswith("DICOM store x project p location l dataset d Next: store.import_from(")
    assert "query_accessible_data" in words(dataset.consent_store("x")._repr_html_())
    assert not transport.sent


def test_the_lines_to_type_are_methods_that_there_are() -> None:
    dataset, _ = dataset_on()
    assert all(hasattr(dataset, name) for name in re.findall(r"ds\.(\w+)\(", words(dataset._repr_html_())))
    for maker in ("fhir_store", "dicom_store", "hl7v2_store", "consent_store"):
        store = getattr(dataset, maker)("x")
        assert reprs.call_of(store) == f'ds.{maker}("x")'
        typed = re.findall(r"store\.(\w+)\(", words(store._repr_html_()))
        assert typed
        assert all(hasattr(store, name) for name in typed)


def test_stores_are_a_list_that_shows_as_a_table_with_counts() -> None:
    stores = listed(
        ("fhirStores", ("a", "b")),
        ("dicomStores", ()),
        ("hl7V2Stores", ("long-name",)),
        ("consentStores", ()),
    )
    assert isinstance(stores, list)
    assert [store.id for store in stores] == ["a", "b", "long-name"]
    seen = words(stores._repr_html_())
    assert seen.startswith('3 stores: 2 FHIR, 1 HL7v2 kind id to type FHIR a ds.fhir_store("a")')
    cells = re.findall(r"<t[dh]\b[^>]*>", stores._repr_html_())
    assert cells == [tag for tag in cells if tag.endswith('style="text-align:left">')]
    assert pretty(stores).splitlines() == [
        "3 stores: 2 FHIR, 1 HL7v2",
        'FHIR    a         ds.fhir_store("a")',
        'FHIR    b         ds.fhir_store("b")',
        'HL7v2   long-name ds.hl7v2_store("long-name")',
    ]


def test_no_stores_say_how_to_make_one() -> None:
    none = listed(*((kind, ()) for kind in ("fhirStores", "dicomStores", "hl7V2Stores", "consentStores")))
    assert none == []
    assert words(none._repr_html_()) == pretty(none) == 'No stores. Next: ds.fhir_store("demo").create()'


def test_every_value_is_escaped() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    store: Any = SimpleNamespace(maker="fhir_store", collection="fhirStores", id=hostile, name=hostile)
    assert "<img" not in Stores([store])._repr_html_()
    assert "<img" not in reprs.tree(hostile, [hostile], [hostile], hostile)
