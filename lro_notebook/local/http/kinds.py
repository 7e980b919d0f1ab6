"""What a kind of store brings along: its tables, its routes, its operations.

A new kind is one `StoreKind`, added to `catalogue.STORE_KINDS`; nothing else of the service changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.routing import BaseRoute

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.work import Job, Kind, Steps


@dataclass(frozen=True, slots=True)
class StoreKind:
    """A kind of store.

    Attributes
    ----------
    collection : str
        Its collection in resource names, such as ``fhirStores``.
    label : str
        What Cloud Logging calls such a store: ``healthcare_{label}_store``, ``{label}_store_id``.
    tables : str
        SQL that makes its tables. Rows refer to ``stores (key) ON DELETE CASCADE``.
    check : callable
        Refuses fields of a new or changed store that cannot be.
    methods : mapping
        Custom method (``POST {store}:{method}``) -> kind of the operation that it starts.
    not_built : mapping
        Custom methods that the Healthcare API has and this service has not -> why.
    routes : sequence
        All its other routes, with paths from ``/projects/…`` on; they come before the common ones.
    deidentify : callable or None
        ``(job, source, destination, config) -> steps``: writes a de-identified copy of a store into
        another that exists. Its first step says the size. ``datasets.deidentify`` calls it.
    check_config : callable or None
        Refuses a configuration that `deidentify` cannot carry out, before anything is started.
    """

    collection: str
    label: str
    tables: str
    check: Callable[[Mapping[str, Any]], None]
    methods: Mapping[str, Kind] = field(default_factory=dict)
    not_built: Mapping[str, str] = field(default_factory=dict)
    routes: Sequence[BaseRoute] = ()
    deidentify: Callable[[Job, Store, Store, Mapping[str, Any]], Steps] | None = None
    check_config: Callable[[Mapping[str, Any]], object] | None = None
