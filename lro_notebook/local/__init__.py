"""The embedded service: a stand-in for the Cloud Healthcare API on loopback."""
