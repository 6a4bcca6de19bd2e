from ._arborescence import cheapest_tree
from ._finding import LineageSettings, find_lineage
from ._fingerprint import Fingerprinter, Fingerprints, fingerprints
from ._likeness import RELATED, families_of, likeness_of
from ._lineage import DescentEvidence, FamilyMember, Lineage, Relative, UnreadNetwork
from ._network import LineageNetwork

__all__ = [
    "RELATED",
    "DescentEvidence",
    "FamilyMember",
    "Fingerprinter",
    "Fingerprints",
    "Lineage",
    "LineageNetwork",
    "LineageSettings",
    "Relative",
    "UnreadNetwork",
    "cheapest_tree",
    "families_of",
    "find_lineage",
    "fingerprints",
    "likeness_of",
]
