"""Where the arrays of a block are allocated: they come and go by the megabyte."""

from __future__ import annotations

import pyarrow as pa

#: The allocator of the process. That of pyarrow gives memory back to the machine as soon as it is free; to
#: get it again for each block costs a fifth of a load's processor time.
POOL = pa.system_memory_pool()
