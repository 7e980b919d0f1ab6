"""Google's discovery documents in small form, and the checks of requests that follow from them. Pure."""
