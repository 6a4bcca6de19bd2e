from tests.shipped.stand_ins import packed_models, shipped

__all__ = ["packed_models", "shipped"]
