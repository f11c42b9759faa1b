# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""The words of options and results for curves and operations, and those of DSM and Azure. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._names import name_key

RSA, EC = "RSA", "EC"
# What Azure accepts of each type ("About keys" on learn.microsoft.com).
SIZES = (2048, 3072, 4096)
# DSM's names of curves (DSM contract §4.1) -> Azure's.
CURVES: Mapping[str, str] = {"NistP256": "P-256", "NistP384": "P-384", "NistP521": "P-521", "SecP256K1": "P-256K"}
DSM_CURVES: Mapping[str, str] = {azure: dsm for dsm, azure in CURVES.items()}
# Our names of operations -> DSM's. Azure has the same ones, and writes them `wrapKey`.
DSM_OPERATIONS: Mapping[str, str] = {
    "decrypt": "DECRYPT",
    "encrypt": "ENCRYPT",
    "sign": "SIGN",
    "unwrap_key": "UNWRAPKEY",
    "verify": "VERIFY",
    "wrap_key": "WRAPKEY",
}
AZURE_OPERATIONS: Mapping[str, str] = {
    **{name: name for name in DSM_OPERATIONS},
    "unwrap_key": "unwrapKey",
    "wrap_key": "wrapKey",
}
_OURS = {name_key(dsm): ours for ours, dsm in DSM_OPERATIONS.items()}
# The only ones of an EC key.
OF_EC = ("sign", "verify")


def operation_of(stored: str) -> str:
    """Our name of an operation of either plane; one that we do not have in lower case."""
    return _OURS.get(name_key(stored), name_key(stored))


def usual_operations(stored: Iterable[str]) -> frozenset[str]:
    """Those of the operations that Azure has. DSM has others, such as ``EXPORT``, which say nothing about Azure."""
    return frozenset(map(operation_of, stored)).intersection(DSM_OPERATIONS)


def form_of(kind: str | None, size: int | None, curve: str | None) -> dict[str, Any]:
    """Type, size and curve in the words of the options. The size of an EC key is that of its curve, and left out.

    The type is without the mark of its protection: ``RSA`` for ``RSA-HSM``. A curve that DSM alone has keeps its name.
    """
    ours = (kind or "").upper().removesuffix("-HSM") or None
    return {"type": ours, "size": None if ours == EC else size, "curve": CURVES.get(curve or "", curve)}
