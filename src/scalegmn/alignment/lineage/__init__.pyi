from ._fingerprint import Fingerprinter, Fingerprints, fingerprints

__all__ = [
    "Fingerprinter",
    "Fingerprints",
    "fingerprints",
]
