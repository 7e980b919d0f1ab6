"""What a kind of store defines: its tables, its routes and the methods that start operations.

To add a kind, add one `StoreKind` to `registry.STORE_KINDS`; nothing else in the service changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.routing import BaseRoute

    from lro_notebook.local.datasets.stores import Store
    from lro_notebook.local.operations.method import Job, Method, Steps


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
        Raises on invalid fields of a new or changed store.
    methods : mapping
        Custom verb (``POST {store}:{verb}``) -> the method, which starts an operation.
    routes : sequence
        Its other routes, with paths that start with ``/projects/``; they come before the common ones.
    deidentify : callable or None
        ``(job, source, destination, config) -> steps``: writes a de-identified copy of a store into
        another, existing one. Its first step sets the total. ``datasets.deidentify`` calls it.
    check_config : callable or None
        Raises on a configuration that `deidentify` does not support, before anything starts.
    """

    collection: str
    label: str
    tables: str
    check: Callable[[Mapping[str, Any]], None]
    methods: Mapping[str, Method] = field(default_factory=dict)
    routes: Sequence[BaseRoute] = ()
    deidentify: Callable[[Job, Store, Store, Mapping[str, Any]], Steps] | None = None
    check_config: Callable[[Mapping[str, Any]], object] | None = None
