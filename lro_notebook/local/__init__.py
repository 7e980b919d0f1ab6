"""The embedded service: a local stand-in for the Healthcare API, and how a client starts and stops it."""

from lro_notebook.local.launch import Running, ensure, set_pace, stop

__all__ = ["Running", "ensure", "set_pace", "stop"]
