from ._plans import check_counts, images_provenance

__all__ = ["check_counts", "images_provenance"]
