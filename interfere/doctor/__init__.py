"""What would be analysed, and whether it can be trusted."""

from interfere.doctor._diagnose import diagnose, refused
from interfere.doctor._document import diagnosis_document
from interfere.doctor._terminal import print_diagnosis
from interfere.doctor._types import Check, Cost, Diagnosis, Gap, LanguageFacts, Overlap, Part, SharedText, Status

__all__ = [
    "Check",
    "Cost",
    "Diagnosis",
    "Gap",
    "LanguageFacts",
    "Overlap",
    "Part",
    "SharedText",
    "Status",
    "diagnose",
    "diagnosis_document",
    "print_diagnosis",
    "refused",
]
