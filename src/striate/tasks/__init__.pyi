from striate.tasks.classify import Classify as Classify
from striate.tasks.classify import class_weights as class_weights
from striate.tasks.confusion import Confusion as Confusion
from striate.tasks.task import Score as Score
from striate.tasks.task import Task as Task
