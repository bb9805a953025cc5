from striate.models.blocks import Network as Network
from striate.models.contract import ModelError as ModelError
from striate.models.contract import check_model as check_model
from striate.models.create import create_model as create_model
from striate.models.create import list_models as list_models
from striate.models.table import NETWORKS as NETWORKS
from striate.models.table import Entry as Entry

__all__: list[str]
