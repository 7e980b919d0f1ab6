"""A kernel that goes by the name of Colab's: a class of its own on ipykernel's, as Colab's is."""

from __future__ import annotations

from ipykernel.ipkernel import IPythonKernel


class Kernel(IPythonKernel):
    """Differs from ipykernel's in its name alone, by which Colab is recognised."""
