"""The codes of the Food Standards Agency's registrations. A code outside these lists is published as it is, and noted.

Source: `openAPI-v5.spec.json` of GitHub FoodStandardsAgency/register-a-food-business-service, and the list of business types
of npm @slice-and-dice/register-a-food-business-validation 1.30.2; both MIT.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "business_type": frozenset(f"{number:03}" for number in range(1, 73)),
        "customer_type": frozenset({"END_CONSUMER", "OTHER_BUSINESSES", "BOTH"}),
        "business_scale": frozenset(
            ["LOCAL", "NATIONAL", "EXPORT", "FBO", "SENIOR_YOUTH", "ONLINE", "HEALTHCARE", "NONE"]
        ),
        "food_type": frozenset(
            [
                "READY_TO_EAT",
                "COOKED_OR_REHEATED",
                "RAW_MEAT_FISH_SHELLFISH",
                "RAW_UNWRAPPED_MEAT_FISH_SHELLFISH",
                "IMPORTED",
                "DONT_KNOW",
                "NONE",
            ]
        ),
        "processing_activities": frozenset(
            [
                "VACUUM_PACKING",
                "SOUS_VIDE",
                "FERMENTING_OR_CURING",
                "PASTEURISING",
                "ANIMAL_UNCOOKED",
                "REWRAPPING_OR_RELABELLING",
                "NONE",
            ]
        ),
        "import_export_activities": frozenset(
            ["DIRECTLY_IMPORT", "DIRECTLY_EXPORT", "IMPORT", "EXPORT", "BOTH", "NONE"]
        ),
        "water_supply": frozenset({"PUBLIC", "PRIVATE", "BOTH"}),
    }
)
"""By the name of a field in a registration."""
