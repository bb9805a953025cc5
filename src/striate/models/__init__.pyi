from striate.models.architectures import NETWORKS as NETWORKS
from striate.models.architectures import Entry as Entry
from striate.models.blocks import Network as Network
from striate.models.contract import ModelError as ModelError
from striate.models.contract import check_model as check_model
from striate.models.create import create_model as create_model
from striate.models.create import find_models as find_models
from striate.models.create import list_models as list_models
from striate.models.dense import DenseNetwork as DenseNetwork
from striate.models.head_kinds import HEADS as HEADS
from striate.models.head_kinds import HeadDescription as HeadDescription
from striate.models.heads import build_head as build_head
from striate.models.heads import classifier_features as classifier_features
from striate.models.heads import replace_classifier as replace_classifier
from striate.models.imagenet import PublishedWeights as PublishedWeights
from striate.models.imagenet import local_weights as local_weights
from striate.models.imagenet import published_weights as published_weights
from striate.models.pretrained import PretrainedInput as PretrainedInput
from striate.models.pretrained import pretrained_input as pretrained_input

__all__: list[str]
