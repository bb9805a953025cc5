from striate.errors import StriateError as StriateError
from striate.findings import Finding as Finding
from striate.jobs import Run as Run
from striate.jobs import augment as augment
from striate.jobs import check as check
from striate.jobs import features as features
from striate.jobs import find_learning_rate as find_learning_rate
from striate.jobs import load as load
from striate.jobs import resume as resume
from striate.jobs import train as train
from striate.jobs import train_folds as train_folds
from striate.models import check_model as check_model
from striate.models import create_model as create_model
from striate.models import list_models as list_models
from striate.runs import Features as Features
from striate.sources import ImageInput as ImageInput
from striate.sources import ImagesInput as ImagesInput
from striate.sources import LabelsInput as LabelsInput
from striate.sources import TrainingData as TrainingData
from striate.tasks import Prediction as Prediction
from striate.tasks import Task as Task
from striate.tasks import check_task as check_task

__version__: str

__all__: list[str]
