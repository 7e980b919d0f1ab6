"""Stands before the package of this name, which takes 1.5 s of each Python that imports nbformat.

It builds a grammar of IRIs, for a check of formats that jsonschema leaves out where it cannot be imported.
"""

raise ImportError("not needed by any test")
