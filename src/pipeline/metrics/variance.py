"""The variance of a metric from what each row adds to its error: of independent rows, or of rows in groups.

Rows of one patient are one piece of evidence, not several: what they add is summed before it is squared (the variance
of clusters, for proportions Obuchowski, Stat Med 17, 1998, and Durkalski et al., Stat Med 22, 2003; for the AUC
Obuchowski, Biometrics 53, 1997). How well that variance is known depends on the groups, on how unequal they are, and
for metrics that average over classes on the groups that hold each class: degrees of freedom after Bell and McCaffrey,
Survey Methodology 28 (2002), for rows that are as good as equal within their group, the least favourable case.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

FEWEST_GROUPS = 10  # with fewer no variance is to be trusted
FEW_ROWS = 10  # that carry a variance: one more like the largest of them might be missing from it


@dataclass(frozen=True)
class Spread:
    """The variance of a sum of contributions, and the degrees of freedom with which it is known.

    `seen`: the largest contribution, in full if ten or fewer like it would make the whole variance, else in proportion
    less. (How many make it: the square of the sum of squares over the sum of fourth powers.)
    """

    variance: float
    degrees: float
    seen: float = 0.0


@dataclass(frozen=True)
class Sampling:
    """How rows were drawn: in strata (the classes of the truth, or all of one), and in groups or each alone.

    Shapes: strata (rows,) from 0, groups (rows,) from 0 or None.
    """

    strata: Codes
    groups: Codes | None = None

    @cached_property
    def present(self) -> Codes:
        """The strata that have rows."""
        return np.flatnonzero(np.bincount(self.strata))

    @cached_property
    def rows(self) -> Codes:
        """The rows of each stratum that has any."""
        return np.bincount(self.strata)[self.present]

    @cached_property
    def units(self) -> Floats:
        """The independent units of each stratum: its rows, or of groups as many equal ones as weigh the same."""
        if self.groups is None:
            return np.asarray(self.rows, dtype=np.float64)
        _, strata, sizes = self._cells
        return np.asarray(self.rows**2 / np.bincount(strata, weights=sizes**2)[self.present])

    @cached_property
    def degrees(self) -> Floats:
        """The degrees of freedom of the variance within each stratum, at least one."""
        if self.groups is None:
            return np.asarray(np.maximum(self.rows - 1.0, 1.0))
        _, strata, sizes = self._cells
        return np.array([_bell_mccaffrey(sizes[strata == stratum]) for stratum in self.present])

    @cached_property
    def _cells(self) -> tuple[Codes, Codes, Codes]:
        """The rows of one group in one stratum are a cell: each row's cell, and each cell's stratum and size."""
        assert self.groups is not None
        width = int(self.strata.max()) + 1
        found, cell, sizes = np.unique(self.groups * width + self.strata, return_inverse=True, return_counts=True)
        return cell, found % width, sizes

    def spread(self, contributions: Floats, added: Floats | float = 0.0) -> Spread:
        """Of contributions (rows,) whose squares sum to the variance if rows are independent.

        `added` is variance that each stratum has beside what was observed. Degrees of freedom of the sum over strata
        after Satterthwaite, Biometrics Bulletin 2 (1946).
        """
        if self.groups is None:
            within = np.asarray(np.bincount(self.strata, weights=contributions**2)[self.present] + added)
            total = float(within.sum())
            return Spread(total, _satterthwaite(within, self.degrees), _seen(contributions))
        cell, strata, _ = self._cells
        # of rows n / (n - 1) is in the contributions already; of groups it is that of the units
        scale = np.ones(int(self.strata.max()) + 1)
        rows, units = self.rows, self.units
        scale[self.present] = np.sqrt(np.maximum(rows - 1, 1) / rows * units / np.maximum(units - 1, 0.5))
        scaled = contributions * scale[self.strata]
        within = np.asarray(np.bincount(strata, weights=np.bincount(cell, weights=scaled) ** 2)[self.present] + added)
        of_groups = np.bincount(self.groups, weights=scaled)
        total = float(np.sum(of_groups**2) + np.sum(within * 0 + added))
        most = _bell_mccaffrey(np.bincount(self.groups))
        return Spread(
            total, min(_satterthwaite(within, self.degrees), most), _seen(np.asarray(of_groups, dtype=np.float64))
        )


def centred(values: npt.NDArray[np.floating], strata: Codes) -> Floats:
    """Deviations from the mean of each row's stratum, scaled so that their squares sum to the variance of those means.

    A single row of a stratum deviates from 0.
    """
    rows = np.bincount(strata)
    means = np.bincount(strata, weights=values) / np.maximum(rows, 1) * (rows > 1)
    return np.asarray((values - means[strata]) / np.sqrt(rows * np.maximum(rows - 1, 1))[strata])


def _seen(contributions: Floats) -> float:
    squares = contributions**2
    total, fourth = float(squares.sum()), float(squares @ squares)
    return float(squares.max()) ** 0.5 * min(1.0, FEW_ROWS * fourth / total**2) if fourth > 0 else 0.0


def _satterthwaite(variances: Floats, degrees: Floats) -> float:
    total = float(variances.sum())
    return total**2 / float(np.sum(variances**2 / degrees)) if total > 0 else float(degrees.sum())


def _bell_mccaffrey(sizes: Codes) -> float:
    """Degrees of freedom of the variance of a mean over groups of these sizes; if all are equal, one less than they.

    Of the residual sums of groups u = (I - a 1') t, with a = sizes / rows and independent sums t of variance size²:
    trace(cov u)² / trace((cov u)²), written out so that it takes no matrix.
    """
    size = sizes[sizes > 0].astype(np.float64)
    a, v = size / size.sum(), size**2
    s, aa, av = v.sum(), a @ a, a @ v
    trace = s - 2 * av + s * aa
    squares = v @ v - 4 * a @ v**2 + 2 * s * (a**2 @ v) + 2 * aa * (v @ v) + 2 * av**2 - 4 * s * aa * av + (s * aa) ** 2
    return max(1.0, float(trace**2 / squares)) if squares > 0 else 1.0
