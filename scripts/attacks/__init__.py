"""Attacks by topic; `scripts/attack.py` runs them."""
