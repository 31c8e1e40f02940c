"""The test rows that a person should look at first."""

import numpy as np
import numpy.typing as npt

from pipeline.metrics.values import Codes, Floats


def hardest(right: npt.NDArray[np.bool_], confidence: Floats | None, most: int) -> Codes:
    """Rows by rank: the wrong ones, the surest first, then the right ones, the least sure first; at most `most`.

    Without confidences only the wrong ones, in their order.
    """
    if confidence is None:
        return np.flatnonzero(~right)[:most]
    doubt = np.where(right, confidence, -confidence)
    return np.lexsort((doubt, right))[:most]
