"""What dvc.yaml runs. Importing this package pins what would make results depend on the machine, before any work.

It must run before numpy is imported, so nothing above may import numpy; and in any Python, at first, so its syntax is
that of Python 3.6 and `interpreter` comes before all other imports.
"""

import atexit
import ctypes
import gc
import os
import platform
import signal
import sys
from functools import partial

from pipeline.stages import interpreter

if os.environ.get("DVC_STAGE"):
    interpreter.settle(os.environ["DVC_STAGE"])

from pipeline import errors
from pipeline.repository.outputs import restore

# One thread: the order of a sum, and so its last bits, depends on how it is divided. OpenMP: trees and neighbours do
# not mind, k-means does, so the number is fixed; two is what any machine has.
PINNED = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "2",
    "OMP_WAIT_POLICY": "passive",  # spinning threads made gradient boosting 80 times slower on a busy machine
}
# Haswell is the OpenBLAS kernel of x86-64-v3, on every CPU since 2013; without it each CPU class picks its own.
# numpy's own AVX-512 loops (exp, log, ...) round differently from its AVX2 loops. The names are those of 2.4 and 2.5.
# Elsewhere they harm: on ARM OpenBLAS, told a kernel that it does not know, takes the slowest, and numpy warns.
if platform.machine() in ("x86_64", "AMD64"):
    PINNED |= {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
os.environ.update(PINNED)
os.environ.pop("NPY_ENABLE_CPU_FEATURES", None)  # beside NPY_DISABLE_CPU_FEATURES, numpy refuses to be imported

# Imports make a million objects that stay: looking through them for garbage, again and at the end, is a fifth of the
# time of a short stage.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

if os.environ.get("DVC_STAGE"):
    # Already now: an interrupt while numpy and pandas are being imported is an interrupt like any other.
    errors.catch(clean_up=partial(restore, os.environ["DVC_STAGE"]))
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1  # a stage does not outlive a killed `dvc repro` and write into the next one
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
