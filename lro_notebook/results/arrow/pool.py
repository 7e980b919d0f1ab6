"""Where the arrays of a block are kept, which come and go by the megabyte. Knows no arrays."""

from __future__ import annotations

import pyarrow as pa

#: The allocator of the process. That of pyarrow gives memory back to the machine as soon as it is free; to
#: have it anew for each block costs a fifth of a load's processor time.
POOL = pa.system_memory_pool()
