"""HTTP as Google's APIs want it: who may get which credentials, one request, what its response means."""
