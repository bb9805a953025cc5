from striate.deploy.export import Parity as Parity
from striate.deploy.export import export_program as export_program
