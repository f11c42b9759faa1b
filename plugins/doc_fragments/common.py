# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module has: the product guide that it cites, and the form of a failure."""

    DOCUMENTATION = r"""
options: {}
seealso:
  - name: "Fortanix DSM \u2013 Azure Key Vault CDC Group Setup"
    description: The product guide that this collection cites as "guide", with the number of a section.
    link: https://support.fortanix.com/docs/fortanix-dsm-azure-key-vault-cdc-group-setup
notes:
  - When a task fails, C(failure) in the result contains the parts of the message, that is C(plane), C(object),
    C(problem), C(server_words), and C(next_step). The plane is C(DSM), C(Azure) or C(Entra), C(Option) for an option of
    the task, or C(Controller) for the machine that the module runs on. C(done) lists the writes that were carried out,
    C(unknown) the writes whose outcome is unknown.
"""
