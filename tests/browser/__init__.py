"""Tests in a browser: a package, so that they share one, which is closed before any other test begins."""
