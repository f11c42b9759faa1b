# Copyright: (c) 2026, the fortanix.dsm contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RSA public moduli for the keys of the simulated vaults, so that no key has to be generated at run time.

They belong to real key pairs whose private halves were never kept: the simulated vault offers no
cryptographic operation.
"""

from __future__ import annotations

MODULI: dict[int, tuple[str, ...]] = {
    2048: (
        "rG48ZTYqmgHscOdaSIX7PpdBq5_j47nbCoygE9LVXjleNdSyGq3V8YrLU8_gk6Fl4WXxkyRqNia_DpNrf6ks5VQWk7Cl6sDJaYkU"
        "PLbHTL9vHL7GCZdU83Uho61zrdo60M2Hy0Vw9zGeDqMmyw3NdraymDjU6jYkQJNBYIriMbJu9Ox5-jZMISan0rHoEN3-w4uowsfw"
        "L4CpmCD0NNMrAA-77eVIx2MCnyXydhP_mLce7lQD-ziyFv9RiqSyxtMJpMmnnEmNVv8vSO1FYQvtTvBaM8tfGgSxChhlzSb1dxUK"
        "UzCVuzfNEYUPF9jBJRzbjua0ImEKY94Ph1LzaNr6aQ",
        "2DBjFPVquh3p2NXRzjjqiZJFwKpTBu-FgTOKNkEETKNt-HX-jxZ20m6SmJYjohkawjJX6Muu9FVP1yNmXjAxOS7UeZ1yfOQrWbAR"
        "jeScDXGM8d6-I1t79NUuuKvrbB4YylMIOmAs12tiTZwH0e8Cv-Nm8HfRZf8o-ixT6X_LssYGZlPG7tZqh4_LI254co3OETQTOBZD"
        "rQyu2Trdv2NqXjnd4bXc1DwebiCYaRB_NWwgobb_oW7ne0jN4pDGjSMYq6ZsMOwUVEUAqmU2OcJ8Zdl94Hjfm-xTjdXnCZZs4nRc"
        "4ZvFa9b1c-BBWUzbOTFYq4gAwkgAazHUrS4zA4Orow",
        "sRaZ6PJq0dXDTfqKPIOQsy0hX1cfk7nGcf2jUxpNesqete9pac8XWhTsFi0PGUF1HdwCwIWLGJGbfCoLH2Ti3_hzCuk2ZVeP8qPg"
        "l4Ds3hD-T589VjaMbjUO9D86UqP1UotQO6vc-iesTO-R7UkoM2wvHT3-IJcHMJYgQq1Lm66_8_HAAcEfmswwnpAFFDRxunRdfhqH"
        "ygOM7pzJc5ghEQGvb9KNch3h7svm3B8DppLhh9X3SES3xQHJHzbj8WvXtIrnoa570wgNT61Pk11qJpQMbZ-RPQZax2Njq4vkFRbV"
        "Cs69l0rAkflGDC2Uz5eJXOsqJ56n53kW_-8vWPYA1w",
    ),
    3072: (
        "sQkEH7CEc2xDOw1acHcqhPxGPQu4ksQvqFN_U_ZfhlZ6gW9qaiUsWz3RVLNqOxcpppTNeHYeYQouH9TnAUD1_U6-PIZo2JcpLgGC"
        "Kln0Up-tNLlhGzJN-7ModPJokRpMFggA5tnT6JMqFuUQNb8nKqOFzSqsp9QmkxBQSmBPZFx_ZkdV0e54noDX3Fp3DhcgKdquEnk0"
        "UXuy2_zRNJRSWf86QsHCnrUyWuNJxD4fZH-bVRgM-DtPNCdLPWkXAwgT9UN_PrAcK_OMQCeRePY-NV0pHbiKRM9ivM89oyUHTTVc"
        "lJACE3nL6fdm_YWxFGUsO5rv2sgqFpP1YC-63QYjme-yKnR6Dwzvab7aaat6EXugUYUB1KwZrgmXvkmqAStIX27l7kiOYNJa3Ls3"
        "O8EPj1oi0Zgr_51_ujtSX76SST4KybNSGVykElEX6O_Eq4u7cbl-qxaHNcVLU2CX1nM7qwgH9x7qTe_80-ibI7rFrIG5UAeqEFEd"
        "mZmTpOhYKZBp",
        "vkGae5CrrDt8ajOZ74WrruyYbkXmc8BCWTG9tG344aX8uboJ9ObFCmzCuoNNGdfdO63dsEWXW9acgMHsBF-XICGhPXYX53RrXnGH"
        "HCXrzQWQeEIgn8cxiQE99HcURSwKuDyrnBEwP5JWrU75uahr_UoX3hxM7X3ga1q1CBTCZXTN4MCNNc9LLqe2gA9UnYeNdLtlKvno"
        "olq8dEVluUZW64Sl9-baNkZAQ6slsfc0vKQYcNsVBatjBr3gjMeXVWmpV0Ghfx0H9DbZ5nw_CUKESqRhydzTR8PuK5JkFBzGXXtq"
        "IHCnPlKXK6kMe8rk88MI8POWPyV56JCL3dHs5zW2es94VCzDfMx8cfa_Ebux0PsDQepGTDCTneYMQKNOWYpJkWjN-62_4W-XII4c"
        "uPzPmvy61K-V7ozCj0bolKbzgpeiY_37lTgdOxnzNR73imp0Eo4qxb7qCxLQK6cThZ5-LfyHjr2iIR_picuJ3fRi-q-PC6PMrAyl"
        "wqFoZX4VPGlR",
    ),
    4096: (
        "u5170OwvE1kwZe8zOPp20g4QcYeouf5BB1_kb5_Y1p7jvmkxlmWRGzp_kM-O3lRLfQW6V7uE55gtWzcUznZ1VlbaAppSAO0gv69j"
        "__xc4EprlYX2hUrdLidq4mddWA4cOIYg3U3D5loF34NOIhajQhlyTJcDDJYJwj4VzIEpOAea024_LmXfmrZ9iqZJcuuJ1hne5B0h"
        "o_MzF-mf6UiwpCgu1VvD-afMmQ-rHp9XRKJGkL9tIe19yoZm-1Lx7BmS7QxxhPHwrwE4deKJEKAF0tEB2dkow23jWF84pGW4HdMx"
        "ZdIV_w3CznZ9W8Tm-wpTGEUXuoq1OwXfDGFI_-sWnhZJ3i6bmzv99dsHgtzCj92vQTnXYK6rqSw4P5q29MYCXUwgqyRPEiLUIlfv"
        "wgTpQ6ns82kLZJAVFcuo-6VEjU5M5nUSohnIMwW0PnFC86wBbSAfU-sGpbqCPwAMrcKDx--JZsWJmeAhMsm9FXOnpMVzQxPJnnnN"
        "WmSHy4NSfPsWCedotMIgafFe4ktKRCth5IwBgJHTjBjUrHkVAPtVgWgXd-K8vyE6t6Q9j6PxargOutIyeaxdvK376SpV_VEYkqNa"
        "vLr8_-2RZXkdOjgPysrCDymfwZzOYFAJdzGPlXzt8BWWqAPuH0d0dvmcH1wBsTh5wzc4wB_kungfWE-hX50",
        "5rsXx3vWM9zwamzOZAeWrWzESY84FWFb8Y8Rd8pJumMC4Jf5vrAFx2joRib6zM85IJ4tn0JojQn7S9IRnJKPCE2E9oFpusgHpv-R"
        "y-y4wtL1rglye9R_gWAghO_xSbNnpDuFzOiq_KtqdW8IrV6n_ei9xZpL4GhxA-XgetdaS0IKYuMLXUNoSZCoVg-hKPYo8EugE-JW"
        "mT7zAKi-Uu47HjDv7NO_IJQ_cQExjbK0Qd5FE3puXnwM1ORUqzGJKTN_p6GkmhvbOCUx3v9Q72oPGZL4uetrzhI8m0gJrU4N18SV"
        "-jgX1H3TFCnHFxNTHN6usQxcIs7HbFO3cvAYQgCmyAqJiE5SnF4zkU6VoSFZi4Xnj6F0wHbmSuoz55FJ59FoydZPAZP1dfMF0Z3N"
        "ti6wWscTGVDRbDZdwL7q9AtfpIIrDSrdDHXSP6YR9VWewA2Cl7Yukf5FrpfhQLwxFeSmVE0yFv0wi7CVIpgLO1HgZhEiVfs99orp"
        "nvupQ2NPyPLcqCnqkNU-EKTK_LCqA7c230-jmpXJcBeAfz0mc-WfP-ssn17OfkY2vghAjPmRsEeHGz40hqlz5grKsHE3Ttq9kc-B"
        "V65YUyxo1I5_aX7ZfJY78M_kVLao99bJWw2gUaFYyY32THRp9QaMkbGI-D8ZHSfD3-Ka5gho__8VIop5ugs",
    ),
}
