# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the fortanix.dsm collection: may change without notice.
"""Third-party libraries, imported on first use and after the arguments are known to be valid.

Nothing outside the standard library and ansible-core is imported at module level in ``plugins/``: a task loads only
what it uses, and a missing library causes an error message instead of a traceback. Reasons for each library:
``docs/dependencies.md``.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from ansible.module_utils.basic import missing_required_lib

from ._errors import TaskError, sentence

# module -> distribution on PyPI, as in requirements.txt
_DISTRIBUTIONS = {
    "azure.core": "azure-core >= 1.38",
    "azure.identity": "azure-identity >= 1.19",
    "azure.keyvault.administration": "azure-keyvault-administration >= 4.6",
    "azure.keyvault.keys": "azure-keyvault-keys >= 4.10",
    # The betas of 5.0 lack the clients for single versions of the service.
    "azure.mgmt.authorization": "azure-mgmt-authorization >= 4, < 5",
    "azure.mgmt.core": "azure-mgmt-core >= 1.6",
    "azure.mgmt.keyvault": "azure-mgmt-keyvault >= 14",
    "cryptography": "cryptography >= 42",
    # The transport of azure-core, which installs it.
    "requests": "azure-core >= 1.38",
    "urllib3": "urllib3 >= 2.0.2",
}


def load(name: str) -> ModuleType:
    """Import ``name`` (a key of the table above, or a submodule of one).

    Raises:
        TaskError: it is not installed for the Python that runs the module.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        cause = error
    raise missing(_distribution_of(name), str(cause))


def missing(distribution: str, cause: str = "") -> TaskError:
    """The failure for a library that is not installed or too old; ``distribution`` with its lower bound."""
    problem = missing_required_lib(distribution)
    return TaskError(
        f"{sentence(problem)} Python reports: {cause}" if cause else problem,
        plane="Controller",
        obj=f"Python library {distribution}",
        next_step=f"install the collection's requirements.txt for {sys.executable}",
    )


def _distribution_of(name: str) -> str:
    """The distribution of the longest key that this is, or is a submodule of."""
    return next(_DISTRIBUTIONS[key] for key in sorted(_DISTRIBUTIONS, reverse=True) if f"{name}.".startswith(f"{key}."))
