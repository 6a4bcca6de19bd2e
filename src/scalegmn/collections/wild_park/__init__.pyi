from ._collection import WildPark

__all__ = ["WildPark"]
