"""Any `google.longrunning.Operation`: its resource, its progress, when to look again, the handle."""
