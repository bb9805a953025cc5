from striate.tasks.classify import Classify as Classify
from striate.tasks.classify import class_weights as class_weights
from striate.tasks.confusion_matrix import ConfusionMatrix as ConfusionMatrix
from striate.tasks.task import Metrics as Metrics
from striate.tasks.task import Task as Task
