"""Cards of imports in a real kernel: what a kernel is set up with, and the Cancel button of a card."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel.session import Session

SET_UP = """
import asyncio, threading, time, warnings
import lro_notebook as lro
from lro_notebook import local
warnings.simplefilter("ignore")
ds = lro.connect()
store = ds.fhir_store("kernel").create(exist_ok=True)
local.set_pace(300)
async def lro_wait(op):
    try:
        await op
    except lro.OperationCancelled:
        pass
def begin(files="*", **options):
    return store.import_from(f"gs://lro-sample/fhir/{files}.ndjson", **options)
"""


def begin(kernel: Session) -> str:
    """Start an operation; return the comm of its Cancel button."""
    kernel.run("op = begin()")
    return kernel.buttons()[-1]


def answered(kernel: Session, button: str, clicked: float) -> float:
    """Return how long the button took to answer a click."""
    kernel.until(lambda: [text for _, text in kernel.updates(button, "description") if text == "Cancelling…"])
    return next(at for at, text in kernel.updates(button, "description") if text == "Cancelling…") - clicked
