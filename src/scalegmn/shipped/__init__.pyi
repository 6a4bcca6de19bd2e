from ._naming import located, shipped_model, shipped_models
from ._shelf import ShippedModel

__all__ = ["ShippedModel", "located", "shipped_model", "shipped_models"]

# For other rooms of the house; no promise is made about these.
from ._naming import folder_name as folder_name
from ._naming import is_shipped as is_shipped
from ._naming import located_model as located_model
from ._shelf import CARD as CARD
from ._shelf import OWNER as OWNER
from ._shelf import Shelf as Shelf
