"""Consent stores."""
